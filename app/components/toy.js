// The toy: two panels of one recording each, played here without asking the server. What a step did is in the recording, phase by
// phase; this only draws it. Where it stands is kept on the node, so that new data leave it there; it is handed back once it rests.
// All texts are set as text.
const PACE = { step: 130, slow: 900 }; // milliseconds a step takes, and a phase in slow mode
const RESTS = 350; // milliseconds after which a place is handed back

export default (component) => mounted(component, (parent) => open(parent.querySelector(".toy")));

function open(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const [play, slow, slider, where, phases, does, panels] = ["play", "slow", "slider", "where", "phases", "does", "panels"].map(find), headline = find("headline");
  let data = null, tell = null, drawn = [], playing = false, frame = 0, last = 0, resting = 0, told = "";
  let at = { step: 0, phase: 4, part: 0 }; // part: how far of an update's move, 0 to 1

  const end = () => data.panels[0].frames.length - 1;

  function renew(now, trigger) {
    tell = trigger;
    const fresh = !data || now.at !== told && now.at !== data.at || now.task !== data.task;
    data = now;
    root.classList.toggle("large", data.large);
    if (fresh) at = placed(data.at, end());
    at.step = Math.min(at.step, end());
    slider.max = end();
    phases.querySelectorAll(".phase").forEach((chip) => chip.remove());
    for (const phase of [...data.panels[0].phases].reverse()) {
      const chip = part("span", "phase", phase.label);
      chip.dataset.name = phase.name;
      phases.prepend(chip);
    }
    drawn = data.panels.map((panel, i) => panelOf(panel, data, i));
    panels.replaceChildren(...drawn.map((one) => one.node));
    if (fresh) stop();
    show();
  }

  function show() {
    const shown = data.panels[0].phases, done = shown[(at.phase + shown.length - 1) % shown.length];
    const now = at.phase === 0 && at.step === 0 ? null : done;
    for (const chip of phases.querySelectorAll(".phase")) chip.classList.toggle("now", chip.dataset.name === now?.name);
    does.textContent = now ? `${now.label}: ${now.does}` : "Nothing is done yet: press +1 phase or Play.";
    where.textContent = `Step ${at.step} of ${end()}`;
    slider.value = at.step;
    slider.setAttribute("aria-valuetext", where.textContent);
    play.textContent = playing ? "❚❚ Pause" : "▶ Play";
    const limits = shared(data.panels);
    headline.textContent = seen(data, at);
    for (const one of drawn) one.show(at, limits);
  }

  function go(step, phase, rests = true) {
    at = { step: Math.max(0, Math.min(step, end())), phase, part: 0 };
    show();
    clearTimeout(resting);
    if (rests) resting = setTimeout(rest, RESTS);
  }

  function rest() {
    const said = `${at.step}.${at.phase}`;
    if (said === told || playing) return;
    told = said;
    tell("at", said);
  }

  function onePhase(rests = true) {
    if (at.phase < 4) go(at.step, at.phase + 1, rests);
    else if (at.step < end()) go(at.step + 1, 0, rests);
    else stop();
  }

  function stop() {
    playing = false;
    cancelAnimationFrame(frame);
  }

  function toggle() {
    if (playing) stop();
    else {
      if (at.step >= end()) at = { step: 0, phase: 0, part: 0 };
      playing = true;
      last = performance.now();
      frame = requestAnimationFrame(tick);
    }
    go(at.step, at.phase);
  }

  function tick(now) {
    const slowly = slow.checked, moving = at.phase === 4, pace = slowly ? PACE.slow : PACE.step;
    if (!slowly && !moving) at.phase = 4;
    at.part = Math.min(1, (now - last) / pace);
    if (at.part >= 1) {
      last = now;
      if (at.step >= end() && at.phase === 4) {
        stop();
        return go(end(), 4);
      }
      at = at.phase < 4 ? { step: at.step, phase: at.phase + 1, part: 0 } : { step: at.step + 1, phase: slowly ? 0 : 4, part: 0 };
    }
    show();
    frame = requestAnimationFrame(tick);
  }

  const halt = (act) => () => (stop(), act());
  const acts = {
    play: toggle,
    step: halt(() => go(at.step + (at.phase === 4 ? 1 : 0), 4)),
    back: halt(() => go(at.step - 1, 4)),
    one: halt(() => onePhase()),
    reset: halt(() => go(0, 0)),
  };
  for (const [name, act] of Object.entries(acts)) find(name).onclick = act;
  slider.oninput = halt(() => go(Number(slider.value), 4));
  root.onkeydown = (event) => {
    const act = { " ": "play", ArrowRight: "step", ArrowLeft: "back", p: "one", Home: "reset" }[event.key];
    if (!act || event.target.closest("button, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[act]();
  };
  const resized = new ResizeObserver(() => data && show());
  resized.observe(root);
  return { renew, close: () => (stop(), clearTimeout(resting), resized.disconnect()) };
}

function placed(text, end) {
  const [step, phase] = String(text).split(".").map(Number);
  return { step: Math.min(step || 0, end), phase: phase >= 0 && phase <= 4 ? phase : 4, part: 0 };
}

// One panel: its plane, its check, its chart and its figures.
function panelOf(panel, data, index) {
  const lit = new Set(data.lights), node = part("div", "panel"), plane = part("canvas", "plane"), chart = part("canvas", "chart");
  const check = part("div", "check"), list = part("dl", "figures"), n = panel.labels.length, look = { ...data, lit };
  const title = `${data.apart}: ${data.values[index]}`;
  plane.setAttribute("role", "img");
  chart.setAttribute("role", "img");
  chart.classList.toggle("lit", lit.has("chart"));
  check.classList.toggle("lit", lit.has("check"));
  check.setAttribute("aria-live", "off");
  const about = `${n} points: ○ clean, × attacked, dashed the mean of ×; beyond ±${MOST} at the edge.`;
  const whose = part("div", "about");
  const details = part("details", "data"), table = part("table", "");
  details.append(part("summary", "", "Show data"), part("div", "scroll"));
  details.lastChild.append(table);
  node.append(part("div", "title", title), whose, plane, check, part("div", "about", about), chart, list, details);
  let drawn = null;
  details.ontoggle = () => drawn && fill(table, panel, drawn, title);
  const maps = new Map();

  function map(step) {
    const from = data.students[index] ?? panel.regions, keys = Object.keys(from).map(Number).sort((a, b) => a - b);
    const key = keys.filter((k) => k <= step).at(-1) ?? keys[0];
    if (!maps.has(key)) maps.set(key, field(from[key].regions ?? from[key], panel, look));
    const students = data.students[index] ? `a fresh network trained on the points of step ${key} alone` : "";
    whose.textContent = `Regions of ${students || (panel.learns ? "the network that learns on the points" : "the scorer, trained on real points")}`;
    return maps.get(key);
  }

  function show(at, limits) {
    const frame = panel.frames[at.step], next = panel.frames[at.step + 1];
    const moving = at.phase === 4 && at.part > 0 && next ? at.part : 0;
    const spots = frame.at.map((v, i) => v + moving * ((next?.at[i] ?? v) - v));
    drawPlane(plane, { panel, frame, at, spots, map: map(at.step), look });
    drawChart(chart, { panel, at, limits, look });
    const said = checked(frame, at, n);
    check.textContent = said;
    list.replaceChildren(...figures(panel, data.students[index], at, lit).flatMap(([name, text, light]) => {
      const value = part("dd", light ? "lit" : "", text);
      return [part("dt", "", name), value];
    }));
    drawn = at;
    if (details.open) fill(table, panel, at, title);
    plane.setAttribute("aria-label", `${title}, step ${at.step}: decision regions, ${n} distilled points. ${said}`);
    chart.setAttribute("aria-label", `Margins of ${n} points at step ${at.step}, hardest first`);
  }

  return { node, show };
}

// What both panels show, as a sentence: the smallest robust margins, known from a step's second phase on.
function seen({ panels, apart, values }, at) {
  const step = at.phase >= 2 ? at.step : at.step - 1, n = panels[0].labels.length, updates = `${step} update${step === 1 ? "" : "s"}`;
  if (step < 0) return `Both panels begin with the same ${n} real points; nothing is attacked yet`;
  const [one, other] = panels.map((panel) => signed(panel.frames[step].did[1].smallest));
  const own = panels.some((panel) => panel.learns) ? ", each under its own network" : "";
  if (one === other) return `Both panels: smallest robust margin ${one} logits after ${updates} (n = ${n})`;
  return `${apart} ${values[0]}: smallest robust margin ${one} logits, ${values[1]}: ${other} after ${updates} (n = ${n}${own})`;
}

function checked(frame, at, n) {
  const did = frame.did[1];
  if (at.phase < 2) return "The check comes with the scores.";
  const small = signed(did.smallest), tick = did.holds ? "✓" : "✗";
  if (!did.says) return `${tick} Every hinge is 0: the smallest of ${n} margins, ${small}, is 1 logit or more.`;
  return `${tick} Largest of ${n} hinges ${did.largest.toFixed(2)} = [1 − (${small})]₊, the hinge of the smallest margin.`;
}

const HEADS = ["Order", "In the mini-batch", "Class", "x₁", "x₂", "Clean margin (logits)", "Robust margin (logits)", "Hinge (logits)"];

// The points of a step as a table, in their order once there is one; what a phase still to come finds is a dash.
function fill(table, panel, at, title) {
  const frame = panel.frames[at.step], ordered = at.phase >= 3, known = at.phase >= 2, rows = ordered ? frame.order : panel.labels.map((_, i) => i);
  const head = part("tr", ""), value = (v) => (known ? signed(v) : "–");
  head.append(...HEADS.map((name) => Object.assign(part("th", "", name), { scope: "col" })));
  table.replaceChildren(part("caption", "", `${title}, step ${at.step}, ${rows.length} distilled points`), head, ...rows.map((i, rank) => {
    const row = part("tr", ""), spot = [frame.at[2 * i], frame.at[2 * i + 1]].map((v) => v.toFixed(3));
    const place = ordered ? [rank, rank < frame.batch ? "yes" : "no"] : ["–", "–"];
    const cells = [...place, panel.labels[i] + 1, ...spot, value(frame.clean[i]), value(frame.robust[i]), known ? frame.hinge[i].toFixed(2) : "–"];
    row.append(...cells.map((text) => part("td", "", text)));
    return row;
  }));
}

// Name, text and whether a lesson lights it: every number with its n and unit.
function figures(panel, students, at, lit) {
  const frame = panel.frames[at.step], n = panel.labels.length, rows = [], attack = frame.did[0], pull = frame.did[3];
  const mean = frame.robust.reduce((a, b) => a + b, 0) / n, broken = frame.robust.filter((m) => m <= 0).length;
  const yes = (phase, text) => (at.phase >= phase ? text : "–");
  rows.push(["Broken", yes(2, `${broken} of ${n} points`)]);
  rows.push(["Mean robust margin", yes(2, `${signed(mean)} logits (n = ${n})`)]);
  rows.push(["Attack", yes(1, `reused ${attack.reused}, improved ${attack.improved}, kept ${attack.kept} of ${n}`)]);
  rows.push(["Its passes", yes(1, `${attack.forwards} forward, ${attack.backwards} backward`), lit.has("passes")]);
  rows.push(["Attacks so far", yes(1, `${spent(panel, at.step).toLocaleString("en")} passes`), lit.has("passes")]);
  const shares = Object.entries(pull.shares).map(([name, share]) => `${TERMS[name] ?? name} ${share.toFixed(0)} %`).join(", ");
  rows.push(["Shares of the pull", yes(4, shares), lit.has("pull")]);
  const right = panel.accuracy, percent = (share) => `${(100 * share).toFixed(1)} %`;
  const half = `ε = ${panel.reach.toFixed(3)}`, placed = panel.toy.data === "given", which = placed ? "placed points" : "real points";
  if (!panel.learns) {
    rows.push(["Scorer", `${percent(right.clean)} clean, ${percent(right.robust)} under PGD-10, ${half} (n = ${right.n} ${which}${placed ? " it was trained on" : ""})`, lit.has("accuracy")]);
  }
  const steps = Object.keys(students ?? {}).map(Number).filter((step) => step <= at.step), newest = Math.max(...steps);
  if (steps.length) {
    const own = students[newest];
    rows.push([`Trained on step ${newest}`, `${percent(own.clean)} clean, ${percent(own.robust)} under PGD-10, ${half} (n = ${own.n} ${which})`]);
  }
  return rows;
}

const TERMS = { match: "matching", ce: "cross-entropy", crl: "CRL" };

function spent(panel, step) {
  let sum = 0;
  for (let i = 0; i <= step; i++) sum += panel.frames[i].did[0].forwards + panel.frames[i].did[0].backwards;
  return sum;
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

// A map of regions: a picture of its cells, and its boundaries and contours at a margin of 1 logit as segments in the unit square.
function field(text, panel, look) {
  const side = panel.side, [levels, highest] = panel.levels, cells = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const picture = document.createElement("canvas"), page = rgb(look.page);
  picture.width = picture.height = side;
  const pen = picture.getContext("2d"), pixels = pen.createImageData(side, side);
  for (let i = 0; i < cells.length; i++) {
    const row = side - 1 - Math.floor(i / side), to = 4 * (row * side + (i % side));
    const share = 0.06 + 0.42 * (cells[i] & levels) / levels, colour = rgb(look.colours[cells[i] >> 6]);
    for (let c = 0; c < 3; c++) pixels.data[to + c] = page[c] + share * (colour[c] - page[c]);
    pixels.data[to + 3] = 255;
  }
  pen.putImageData(pixels, 0, 0);
  const edges = [], ones = [];
  for (let k = 0; k < panel.classes; k++) {
    const own = Array.from(cells, (cell) => ((cell >> 6) === k ? 1 : -1) * ((cell & levels) + 0.5) / levels * highest);
    if (k || panel.classes > 2) edges.push(...contour(own, side, 0));
    ones.push(...contour(own, side, 1));
  }
  return { picture, edges, ones };
}

// Marching squares: segments [x, y, x, y] in the unit square along which the values of cell centres cross `level`.
function contour(values, side, level) {
  const lines = [], place = (i) => (i + 0.5) / side;
  for (let r = 0; r + 1 < side; r++) {
    for (let c = 0; c + 1 < side; c++) {
      const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]], v = corners.map(([x, y]) => values[y * side + x] - level);
      const cuts = [];
      for (let k = 0; k < 4; k++) {
        const [a, b] = [v[k], v[(k + 1) % 4]];
        if (a > 0 === b > 0) continue;
        const [p, q] = [corners[k], corners[(k + 1) % 4]], t = a / (a - b);
        cuts.push(place(p[0] + t * (q[0] - p[0])), place(p[1] + t * (q[1] - p[1])));
      }
      if (cuts.length >= 4) lines.push(cuts.slice(0, 4));
    }
  }
  return lines;
}

function drawPlane(canvas, { panel, frame, at, spots, map, look }) {
  const { pen, width } = fit(canvas), { X, Y, side } = square(pen, width, look), n = panel.labels.length, lit = look.lit;
  pen.save();
  pen.beginPath();
  pen.rect(X(0), Y(1), side, side);
  pen.clip(); // a square of ε may leave the unit square
  pen.imageSmoothingEnabled = true;
  pen.drawImage(map.picture, X(0), Y(1), side, side);
  stroke(pen, map.ones, X, Y, look.muted, 1, [2, 4]);
  stroke(pen, map.edges, X, Y, look.text, 1.8, []);
  const deeper = look.colours.map((colour) => blend(colour, look.text, 0.45));
  pen.globalAlpha = 0.6;
  panel.real.labels.forEach((k, i) => shape(pen, X(panel.real.at[2 * i]), Y(panel.real.at[2 * i + 1]), 1.8, k, deeper[k]));
  pen.globalAlpha = 1;
  trails(pen, panel, at, X, Y, look, spots);
  const ranks = new Array(n), hit = at.phase >= 1;
  frame.order.forEach((i, rank) => (ranks[i] = rank));
  for (let i = 0; i < n; i++) {
    const x = X(spots[2 * i]), y = Y(spots[2 * i + 1]), r = panel.reach * side, dx = frame.delta[2 * i] * side, dy = -frame.delta[2 * i + 1] * side;
    const broken = at.phase >= 2 && frame.robust[i] <= 0, colour = look.colours[panel.labels[i]];
    pen.lineWidth = lit.has("square") ? 2 : 1;
    pen.strokeStyle = look.text;
    pen.globalAlpha = lit.has("square") ? 0.9 : 0.45;
    pen.strokeRect(x - r, y - r, 2 * r, 2 * r);
    pen.globalAlpha = 1;
    if (at.phase >= 4) arrow(pen, x, y, x + 26 * frame.pull[2 * i], y - 26 * frame.pull[2 * i + 1], look.clean, lit.has("pull") ? 3 : 2);
    if (hit) {
      pen.setLineDash([4, 3]);
      line(pen, x, y, x + dx, y + dy, look.adversarial, lit.has("arrow") ? 3 : 1.6);
      pen.setLineDash([]);
      cross(pen, x + dx, y + dy, 4, look.adversarial, lit.has("arrow") ? 3 : 2);
    }
    pen.globalAlpha = at.phase >= 3 && ranks[i] >= frame.batch ? 0.55 : 1;
    shape(pen, x, y, 9, panel.labels[i], colour, look.text, 1.2);
    pen.globalAlpha = 1;
    if (broken) shape(pen, x, y, 13, panel.labels[i], null, look.text, 2);
    if (at.phase >= 3) number(pen, ranks[i], x, y, lit.has("order"));
  }
  pen.restore();
  pen.strokeStyle = look.muted;
  pen.lineWidth = 1;
  pen.strokeRect(X(0), Y(1), side, side);
}

function stroke(pen, lines, X, Y, colour, width, dash) {
  pen.beginPath();
  for (const [a, b, c, d] of lines) {
    pen.moveTo(X(a), Y(b));
    pen.lineTo(X(c), Y(d));
  }
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.stroke();
  pen.setLineDash([]);
}

function trails(pen, panel, at, X, Y, look, spots) {
  pen.strokeStyle = look.text;
  pen.globalAlpha = look.lit.has("path") ? 0.9 : 0.35;
  pen.lineWidth = look.lit.has("path") ? 2 : 1;
  for (let i = 0; i < panel.labels.length; i++) {
    pen.beginPath();
    for (let step = 0; step <= at.step; step++) pen.lineTo(X(panel.frames[step].at[2 * i]), Y(panel.frames[step].at[2 * i + 1]));
    pen.lineTo(X(spots[2 * i]), Y(spots[2 * i + 1]));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}


const MOST = 12; // logits beyond which a margin is drawn at the edge

// The margins that both panels reach over all steps, so that their charts share one scale.
function shared(panels) {
  const all = panels.flatMap((panel) => panel.frames.flatMap((frame) => [...frame.clean, ...frame.robust]));
  return [Math.max(-MOST, Math.floor(Math.min(-1, ...all))), Math.min(MOST, Math.ceil(Math.max(2, ...all)))];
}

// Margins by rank, hardest first: circles before the attack, crosses under it; lines at 0, at 1 and at the mean robust margin.
function drawChart(canvas, { panel, at, limits, look }) {
  const { pen, width, height } = fit(canvas), frame = panel.frames[at.step], n = panel.labels.length;
  const size = look.large ? 15 : 11, left = 3.6 * size, top = size / 2, bottom = height - 3 * size, [low, high] = limits;
  const X = (rank) => left + 10 + (rank + 0.5) * (width - left - 14) / n, Y = (m) => bottom - (Math.max(low, Math.min(high, m)) - low) / (high - low) * (bottom - top);
  pen.font = `${size}px sans-serif`;
  pen.fillStyle = look.text;
  for (const m of [low, 0, 1, high]) {
    if (m !== 1 && (m === 0 || Math.abs(Y(m) - Y(0)) > size + 3)) words(pen, String(m).replace("-", "−"), left - 4, Y(m), "right", "middle");
    line(pen, left, Y(m), width, Y(m), m === 0 ? look.zero : look.grid, m === 0 ? 1.4 : 1);
  }
  for (let rank = 0; rank < n; rank += n > 15 ? 5 : 1) words(pen, rank, X(rank), bottom + size + 2, "center", "alphabetic");
  words(pen, "rank by robust margin, 0 the smallest", (left + width) / 2, height - 4, "center", "alphabetic");
  turned(pen, "margin (logits)", (top + bottom) / 2);
  if (at.phase < 2) return;
  const ranked = [...frame.robust.keys()].sort((a, b) => frame.robust[a] - frame.robust[b]);
  const mean = frame.robust.reduce((a, b) => a + b, 0) / n;
  pen.setLineDash([5, 4]);
  line(pen, left, Y(mean), width, Y(mean), look.adversarial, 1.4);
  pen.setLineDash([]);
  ranked.forEach((i, rank) => {
    line(pen, X(rank), Y(frame.clean[i]), X(rank), Y(frame.robust[i]), look.muted, 1);
    pen.beginPath();
    pen.arc(X(rank), Y(frame.clean[i]), 4, 0, 2 * Math.PI);
    pen.strokeStyle = look.clean;
    pen.lineWidth = 2;
    pen.stroke();
    cross(pen, X(rank), Y(frame.robust[i]), 4, look.adversarial, 2);
  });
}
