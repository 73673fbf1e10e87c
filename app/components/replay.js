// A replay on a page: fetches the runs it is told to show, and tells the script a step only once a person stays there.
// What is on the screen stays until the next run is there. The player is c2r/report/player.
const fetched = new Map(); // address → a replay; two of them, since two can stand beside each other

export default (component) => mounted(component, open);

function open(parent) {
  let tell = () => {}, asked = "", told = null, stop = null, data = null, played = "";
  const screen = player(parent, { settled: (step) => { told = step; if (data.tells) tell("stopped", step); } });

  function renew(now, setTriggerValue) {
    [data, tell] = [now, setTriggerValue];
    const wish = JSON.stringify([now.runs, now.stamps]);
    if (wish === asked) {
      if (now.step !== null && now.step !== told && told !== null) screen.go((told = now.step));
      return screen.draw();
    }
    [asked, told] = [wish, null];
    stop?.abort();
    stop = new AbortController();
    load(stop.signal).catch((error) => {
      if (error.name !== "AbortError") screen.say(error.message, true);
    });
  }

  async function load(signal) {
    parent.querySelector(".replay").setAttribute("aria-busy", "true");
    const { runs, stamps, address, names, looks, kinds, step, loop, playing, speed } = data;
    const shown = await Promise.all(runs.map((run, r) => replayOf(`${address}?${new URLSearchParams({ run })}`, stamps[r], signal)));
    if (signal.aborted) return;
    screen.say("");
    const again = played === String(runs); // a run that grew does not begin anew by itself
    played = String(runs);
    screen.show(shown, { names, looks, kinds, step, loop, playing: playing && !again, speed, link: linkTo, inspect: data.tells ? inspectorOf : null });
    parent.querySelector(".replay").setAttribute("aria-busy", "false");
  }

  function linkTo(step) {
    const link = new URL(location.href);
    link.searchParams.set("run", data.runs[0]);
    link.searchParams.set("step", step);
    return link.href;
  }

  // The gallery with an image open, at the address of the first run and this step.
  function inspectorOf(sample, step) {
    const link = new URL("gallery", location.href);
    link.search = new URLSearchParams({ run: data.runs[0], step, sample });
    return link.href;
  }

  return { renew, close: () => { stop?.abort(); screen.close(); views.delete(parent); } };
}

async function replayOf(address, stamp, signal) {
  const key = `${address} ${stamp}`;
  if (fetched.has(key)) return fetched.get(key);
  let answer;
  try {
    answer = await fetch(address, { signal, cache: "no-store" });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error("The replay could not be fetched: the server may have ended; reload the page.");
  }
  if (!answer.ok) throw new Error(answer.status === 401 ? "The password is asked for again: reload the page." : await answer.text());
  const run = readReplay(await answer.arrayBuffer());
  if (fetched.size >= 2) fetched.delete(fetched.keys().next().value);
  fetched.set(key, run);
  return run;
}
