// The player of replays: one slider, and for each run its panels; two runs are locked to one step.
// Nothing here asks a server: whoever mounts it hands over the runs. Names come from files, so all texts are set as text.
const SPEEDS = [1, 2, 5, 10, 20, 50]; // recorded steps a second
const REST = 600; // ms without a move after which a step counts as chosen

function player(parent, { settled = () => {} } = {}) {
  const root = parent.querySelector(".replay");
  const part = (name) => root.querySelector(`.${name}`);
  const [play, slider, where, pace, again, sets, key, followed, inspect, status] =
    ["play", "slider", "where", "pace", "again", "sets", "key", "followed", "inspect", "status"].map(part);
  const details = root.querySelector("details");
  const resized = new ResizeObserver(() => draw()), calm = matchMedia("(prefers-reduced-motion: reduce)");
  let runs = [], steps = [], at = 0, before = -1, chosen = -1, pointed = -1, playing = false, last = 0, waiting = 0, frame = 0;
  let options = { looks: {}, kinds: Object.keys(PANELS), names: [] };
  const told = root.replay = { times: {}, drawn: 0, step: null, playing: false }; // what tests and benchmarks read

  pace.replaceChildren(...SPEEDS.map((speed) => new Option(`${speed} ${speed === 1 ? "step" : "steps"}/s`, speed)));
  pace.value = "5";
  resized.observe(sets);
  play.onclick = () => (playing ? pause() : start());
  slider.oninput = () => { stop(); go(Number(slider.value)); chosenStep(); };
  part("copy").onclick = copy;
  root.onkeydown = pressed;
  details.ontoggle = fillTable;

  // Shows runs [{about, …}] and plays or stays at a step; what is on the screen stays until then.
  function show(now, given) {
    [runs, options] = [now, { ...options, ...given }];
    steps = [...new Set(runs.flatMap((run) => [...run.steps]))].sort((a, b) => a - b);
    slider.max = steps.length - 1;
    [before, chosen, pointed] = [-1, -1, -1];
    root.classList.toggle("compact", !options.kinds.includes("order"));
    again.checked = options.loop ?? again.checked;
    if (options.speed) pace.value = options.speed;
    arrange();
    fillKey();
    fillTable();
    const plays = options.playing && !calm.matches && steps.length > 1;
    stop();
    go(placeOfStep(options.step ?? (plays ? steps[0] : steps.at(-1))));
    if (plays) start();
  }

  const placeOfStep = (step) => steps.reduce((best, own, k) => (Math.abs(own - step) < Math.abs(steps[best] - step) ? k : best), 0);

  function arrange() {
    sets.replaceChildren(...runs.map((run, r) => {
      const set = made("section", "set"), name = made("h4", "name", nameOf(r)), panels = made("div", "panels");
      panels.append(...options.kinds.map((kind) => panel(kind, r)));
      set.append(name, made("p", "figures"), panels);
      name.hidden = runs.length < 2 && !options.named;
      set.classList.toggle("one", runs.length < 2);
      return set;
    }));
  }

  const nameOf = (r) => `${runs.length > 1 ? `${"AB"[r]} · ` : ""}${options.names[r] || runs[r].about.name}`;

  function panel(kind, r) {
    const whole = made("figure", `panel ${kind}`), canvas = made("canvas", "");
    canvas.setAttribute("role", "img");
    const under = (event) => {
      const box = canvas.getBoundingClientRect();
      return PANELS[kind].found(shownOf(r, canvas), event.clientX - box.left, event.clientY - box.top);
    };
    canvas.onclick = (event) => choose(under(event));
    canvas.onpointermove = (event) => { if (event.pointerType === "mouse" && kind !== "order") point(under(event)); };
    canvas.onpointerleave = () => point(-1);
    whole.append(made("figcaption", ""), canvas);
    return whole;
  }

  function shownOf(r, canvas) {
    const run = runs[r], i = nearestStep(run, steps[at]), past = before < 0 ? -1 : nearestStep(run, steps[before]);
    const size = { width: canvas.clientWidth, height: canvas.clientHeight };
    return { run, i, before: past === i ? -1 : past, size, limits: limits(), look: look(), chosen: followedOne() < images(run) ? followedOne() : -1 };
  }

  const followedOne = () => (pointed >= 0 ? pointed : chosen); // what the pointer is on, else what was selected
  let known = {};
  const limits = () => (known.runs === runs ? known.limits : (known = { runs, limits: sharedLimits(runs) }).limits);

  let seen = null;
  function look() {
    if (seen) return seen;
    const style = getComputedStyle(root), token = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other;
    const page = token("background-color", "#ffffff"), dark = luminance(page) < 0.4;
    root.style.colorScheme = dark ? "dark" : "light";
    return (seen = {
      ink: style.color, page, dark, font: style.fontFamily, muted: style.color,
      grid: token("border-color", "#8884"), ...options.looks.marks, scale: options.looks.margins[dark ? "dark" : "light"],
    });
  }

  function draw() {
    if (!runs.length) return;
    seen = null;
    runs.forEach((_, r) => options.kinds.forEach((kind, k) => paint(kind, r, sets.children[r].querySelectorAll("canvas")[k])));
    told.drawn += 1;
  }

  function paint(kind, r, canvas) {
    const began = performance.now(), scale = devicePixelRatio || 1;
    if (kind === "gallery") canvas.style.height = `${galleryHeight(shownOf(r, canvas))}px`;
    const shown = shownOf(r, canvas), { width, height } = shown.size;
    if (!width || !height) return;
    const title = PANELS[kind].title(shown), caption = canvas.previousSibling;
    if (caption.textContent !== title) caption.textContent = title;
    if (!playing) canvas.setAttribute("aria-label", `${title} (step ${shown.run.steps[shown.i]})`);
    const pen = canvas.getContext("2d");
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = `12px ${shown.look.font}`;
    PANELS[kind].draw(pen, shown);
    const spent = performance.now() - began, time = (told.times[kind] ??= { n: 0, sum: 0, most: 0 });
    [time.n, time.sum, time.most] = [time.n + 1, time.sum + spent, Math.max(time.most, spent)];
  }

  function go(place) {
    const next = Math.max(0, Math.min(steps.length - 1, place));
    [before, at] = [next > 0 ? next - 1 : -1, next];
    slider.value = at;
    told.step = steps[at];
    where.textContent = `Step ${steps[at]} of ${steps[steps.length - 1]}`;
    slider.setAttribute("aria-valuetext", where.textContent);
    runs.forEach((run, r) => { sets.children[r].querySelector(".figures").textContent = figures(run, nearestStep(run, steps[at])); });
    if (!playing || followedOne() >= 0) read();
    draw();
  }

  function figures(run, i) {
    const { n, attack, eps, scorer, series } = run.about, own = run.steps[i] === steps[at] ? "" : `Nearest recorded step ${run.steps[i]}. `;
    const loss = series.length ? run.series[i * series.length] : NaN;
    const said = Number.isFinite(loss) ? ` ${series[0].label} ${loss.toFixed(2)}${series[0].unit && ` ${series[0].unit}`}.` : "";
    return `${own}n = ${n} images, ${attack} within ε = ${eps}; scorer ${scorer}.${said}`;
  }

  function read() {
    const image = followedOne();
    inspect.hidden = image < 0 || !options.inspect;
    if (!inspect.hidden) inspect.href = options.inspect(runs[0].shown[image], steps[at]);
    followed.textContent = image < 0
      ? "Select an image on the map, in the order or among the pictures to follow it through all panels."
      : runs.map((run, r) => following(run, r, image)).filter(Boolean).join("  |  ");
  }

  function following(run, r, image) {
    const i = nearestStep(run, steps[at]);
    if (image >= images(run)) return "";
    const name = run.about.classes[run.labels[image]], [clean, adversarial] = [1, 0].map((side) => signed(marginOf(run, i, image, side)));
    const letter = runs.length > 1 ? `${"AB"[r]}: ` : "";
    return `${letter}Image ${run.shown[image]}, class ${name}: margin ${clean} clean, ${adversarial} adversarial (logits); rank ${rankOf(run, i, image)} of ${run.about.n}`;
  }

  function point(image) {
    if (image === pointed) return;
    pointed = image;
    read();
    draw();
  }

  function choose(image) {
    chosen = image === chosen ? -1 : image;
    read();
    draw();
  }

  function fillKey() {
    const { classes, colours } = runs[0].about, few = classes.length <= 20;
    const signs = [["●", "clean"], ["×", "adversarial"]].map(([sign, name]) => entry(sign, `${name} (map)`, "currentColor"));
    const lines = [["bars", "robust margins", "adversarial"], ["line", "clean margins", "clean"], ["dots", "robust margins a step before", ""]]
      .map(([kind, name, colour]) => entry("", name, look()[colour] ?? "currentColor", kind));
    const named = few ? classes.map((name, k) => entry("", name, colours[k], "swatch")) : [made("span", "entry", `${classes.length} classes, a colour each; select an image to read its class`)];
    key.replaceChildren(...lines, ...signs, ...named);
  }

  function entry(sign, name, colour, kind = "") {
    const whole = made("span", "entry"), mark = made("span", `sign ${kind}`, sign);
    mark.style.color = colour;
    mark.setAttribute("aria-hidden", "true");
    whole.append(mark, ` ${name}`);
    return whole;
  }

  // The figures behind the panels, a row for each recorded step, only while they are looked at.
  function fillTable() {
    const table = root.querySelector("table"), heads = ["Step", "Broken within ε", "Median robust margin", "Median clean margin", "kNN clean", "kNN adversarial"];
    if (!details.open) return table.replaceChildren();
    const row = (cells, kind) => {
      const line = made("tr", "");
      line.append(...cells.map((cell) => made(kind, "", cell)));
      return line;
    };
    const body = runs.flatMap((run, r) => Array.from(run.steps, (step, i) => {
      const wide = run.about.separation.length, knn = [0, 1].map((side) => run.separation[(2 * i + side) * wide]);
      const medians = [run.medians[2 * i], run.medians[2 * i + 1]].map(signed);
      const shares = knn.map((share) => (Number.isFinite(share) ? percent(share) : "–"));
      return row([...(runs.length > 1 ? ["AB"[r]] : []), `${step}`, `${run.broken[i]} of ${run.about.n}`, ...medians, ...shares], "td");
    }));
    table.replaceChildren(row([...(runs.length > 1 ? ["Run"] : []), ...heads], "th"), ...body);
  }

  function start() {
    if (!runs.length) return;
    if (at === steps.length - 1) go(0);
    turn(true);
    last = performance.now();
    frame = requestAnimationFrame(tick);
  }

  function tick(now) {
    if (!playing) return;
    const beat = 1000 / Number(pace.value);
    if (now - last >= beat) {
      last = now - last > 2 * beat ? now : last + beat;
      if (at < steps.length - 1) go(at + 1);
      else if (again.checked) go(0);
      else return pause();
    }
    frame = requestAnimationFrame(tick);
  }

  function turn(on) {
    told.playing = playing = on;
    play.textContent = on ? "Pause" : "Play";
    play.classList.toggle("on", on);
  }

  function stop() {
    cancelAnimationFrame(frame);
    turn(false);
  }

  function pause() {
    stop();
    go(at);
    chosenStep();
  }

  function chosenStep() {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (!playing) settled(steps[at]); }, REST);
  }

  // Keys act where the focus is within the replay, and not in a box that has a use for them.
  function pressed(event) {
    const from = event.composedPath()[0], ends = { Home: 0, End: steps.length - 1 };
    if (event.ctrlKey || event.metaKey || event.altKey || from.tagName === "SELECT" || !runs.length) return;
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, ...ends };
    if (event.key === "Escape" && chosen >= 0) choose(-1);
    else if (event.key === " " && (from === root || from === slider)) playing ? pause() : start();
    else if (event.key in moves) { stop(); go(moves[event.key]); chosenStep(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async function copy() {
    const link = options.link?.(steps[at]) ?? location.href;
    try {
      await navigator.clipboard.writeText(link);
      say("The link to this run and step is copied.");
    } catch {
      say(link);
    }
  }

  function say(words, problem = false) {
    status.textContent = words;
    status.classList.toggle("problem", problem);
  }

  function close() {
    stop();
    clearTimeout(waiting);
    resized.disconnect();
  }

  return { show, say, draw, close, go: (step) => { stop(); go(placeOfStep(step)); }, step: () => steps[at] };
}

function made(kind, name, words = "") {
  const node = document.createElement(kind);
  if (name) node.className = name;
  node.textContent = words;
  return node;
}

// How bright a colour "#rrggbb" or "rgb(…)" is, 0 to 1.
function luminance(colour) {
  const parts = colour.startsWith("#") ? [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)) : (colour.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return (0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2]) / 255;
}
