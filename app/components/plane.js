// The plane of an image: asks for it, reads the frames as they come, and keeps what is shown on the node it is mounted on.
//
// A picture stays until the first frame of the next one is there, so nothing is ever blank. The server drops an older wish
// of the same viewer; this drops its connection too. Names come from files, so all texts are set as text. How things are
// drawn stands in planeview.js.

export default (component) => mounted(component, open);

function open(parent) {
  const [whole, status] = ["whole", "status"].map((name) => parent.querySelector(`.${name}`));
  const viewer = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("-");
  const picture = painter(parent);
  const resized = new ResizeObserver(() => picture.draw());
  let asked = "", stop = null, data = null;
  resized.observe(parent.querySelector(".panels"));

  function renew(now) {
    data = now;
    picture.theme(now);
    const wish = new URLSearchParams({ ...now.asked, viewer }).toString();
    if (wish === asked) return picture.draw();
    asked = wish;
    stop?.abort();
    stop = new AbortController();
    fetched(wish, stop.signal).catch((error) => {
      if (error.name !== "AbortError") say("The plane could not be fetched: the server may have ended; reload the page.", true);
    });
  }

  async function fetched(wish, signal) {
    whole.setAttribute("aria-busy", "true");
    const began = performance.now();
    const answer = await fetch(`${data.address}?${wish}`, { signal, cache: "no-store" });
    if (answer.status === 409) return; // somebody with this name asked for something newer
    if (!answer.ok) return say(answer.status === 401 ? "The password is asked for again: reload the page." : await answer.text(), true);
    for await (const frame of framesOf(answer.body)) {
      if (signal.aborted) return;
      const { what, about, arrays } = decoded(frame);
      if (what === "refused") return say(about, true);
      if (what === "record" && about.kind === "grid") {
        picture.show(about, arrays);
        const seconds = `${((performance.now() - began) / 1000).toFixed(1)} s`;
        say(`${about.n} × ${about.n} points${about.last ? `, drawn within ${seconds}` : ", getting finer"}`);
      }
      if (what === "record" && about.kind === "landings") picture.land(about);
    }
    whole.setAttribute("aria-busy", "false");
  }

  function say(text, problem = false) {
    status.textContent = text;
    status.classList.toggle("problem", problem);
    if (problem) whole.setAttribute("aria-busy", "false");
    if (problem && !picture.shown()) parent.querySelector(".title").textContent = "No plane can be shown";
  }

  return { renew, close: () => { stop?.abort(); resized.disconnect(); picture.close(); views.delete(parent); } };
}

// The frames of a body: four bytes of length, little-endian, then so many bytes.
async function* framesOf(body) {
  const reader = body.getReader();
  let kept = new Uint8Array(0);
  for (;;) {
    while (kept.length >= 4) {
      const end = 4 + new DataView(kept.buffer, kept.byteOffset).getUint32(0, true);
      if (kept.length < end) break;
      yield kept.slice(4, end);
      kept = kept.slice(end);
    }
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(kept.length + value.length);
    joined.set(kept);
    joined.set(value, kept.length);
    kept = joined;
  }
}

const KINDS = { U8: Uint8Array, BOOL: Uint8Array, U16: Uint16Array, F32: Float32Array };

// One frame in the safetensors layout: eight bytes of length, a header in JSON, the arrays.
function decoded(frame) {
  const size = Number(new DataView(frame.buffer).getBigUint64(0, true));
  const { __metadata__: told, ...tensors } = JSON.parse(new TextDecoder().decode(frame.subarray(8, 8 + size)));
  const arrays = {};
  for (const [name, { dtype, data_offsets: [from, to] }] of Object.entries(tensors)) {
    arrays[name] = new KINDS[dtype](frame.slice(8 + size + from, 8 + size + to).buffer);
  }
  return { what: told.what, about: JSON.parse(told.about), arrays };
}
