// What attacks find on an image: asked for when the button is pressed, and then for each image that is opened.
//
// What is shown stays, paler, until the next is there. Names come from files, so all texts are set as text.
const SIZE = { width: 360, height: 220, left: 46, right: 64, top: 12, bottom: 44 };

export default (component) => mounted(component, open);

function open(parent) {
  const [whole, button, status, found] = [".attacked", ".ask", ".status", ".found"].map((name) => parent.querySelector(name));
  const viewer = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("-");
  let data = null, wanted = false, asked = "", stop = null;

  function renew(now) {
    data = now;
    if (wanted) fetched();
  }

  async function fetched() {
    const wish = new URLSearchParams({ ...data.asked, viewer }).toString();
    if (wish === asked) return;
    asked = wish;
    stop?.abort();
    stop = new AbortController();
    say("Attacking …");
    whole.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${data.address}?${wish}`, { signal: stop.signal, cache: "no-store" });
      if (answer.status === 409) return;
      if (!answer.ok) throw new Error(answer.status === 401 ? "The password is asked for again: reload the page." : await answer.text());
      draw(parent, await answer.json(), data.adversarial);
      found.hidden = false;
      say("");
    } catch (error) {
      if (error.name === "AbortError") return;
      asked = "";
      say(error instanceof TypeError ? "Nothing could be fetched: the server may have ended; reload the page." : error.message, true);
    }
    whole.setAttribute("aria-busy", "false");
  }

  function say(text, problem = false) {
    status.textContent = text;
    status.classList.toggle("problem", problem);
  }

  button.onclick = () => {
    wanted = true;
    fetched();
  };
  return { renew, close: () => { stop?.abort(); views.delete(parent); } };
}

function draw(parent, about, colour) {
  const { radius, search } = about, eps = `${text(about.eps)}/255`;
  parent.querySelector(".title").textContent = about.title;
  const marks = [{ at: about.eps, name: `ε = ${eps}` }];
  if (radius.broken) marks.push({ at: radius.broken, name: "broken" });
  parent.querySelector(".charts").replaceChildren(
    chart(`Margin within ε, ${about.network}: the smallest that PGD-${about.steps} finds, an upper bound`,
      ["ε (1/255, L∞)", "margin (logits)"], [{ points: about.margins, colour, name: "" }], marks, true),
    chart(`Largest loss found at ε = ${eps}, ${about.network}, against what was spent`,
      ["forward and backward passes", "cross-entropy (nats)"],
      [{ points: zipped(search.pgd), colour: "currentColor", name: `PGD-${about.steps}`, dashed: true },
        { points: zipped(search.line), colour, name: "LS-PGD" }], [], false),
  );
  parent.querySelector(".said").replaceChildren(...about.said.map((sentence) => element("li", sentence)));
  const rows = [
    ...about.margins.map(([at, value]) => ["Margin within ε", `${text(at)}/255`, `${text(value)} logits`]),
    ...[["LS-PGD", search.line], [`PGD-${about.steps}`, search.pgd]].flatMap(([name, course]) =>
      zipped(course).map(([at, value]) => [`Loss, ${name}`, `${at} passes`, `${text(value)} nats`])),
  ];
  parent.querySelector("table").replaceChildren(row(["What", "At", "Value"], "th"), ...rows.map((cells) => row(cells, "td")));
}

const zipped = ({ passes, losses }) => passes.map((at, i) => [at, losses[i]]);

// A line chart of a few points: axes with units, a mark at each point, names at the ends, upright lines at `marks`.
function chart(caption, [across, up], lines, marks, zero) {
  const { width, height, left, right, top, bottom } = SIZE, all = lines.flatMap((line) => line.points);
  const xs = span([0, ...all.map(([x]) => x)]), ys = span([...all.map(([, y]) => y), ...(zero ? [0] : [])]);
  const x = (value) => left + ((value - xs.low) / (xs.high - xs.low)) * (width - left - right);
  const y = (value) => height - bottom - ((value - ys.low) / (ys.high - ys.low)) * (height - top - bottom);
  const picture = made("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${caption}. ${spoken(lines, across, up)}` });
  const write = (words, at) => {
    const label = made("text", at);
    label.textContent = words;
    picture.append(label);
  };
  for (const value of xs.ticks) write(text(value), { x: x(value), y: height - bottom + 16, "text-anchor": "middle" });
  for (const value of ys.ticks) {
    picture.append(made("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: "currentColor", "stroke-opacity": 0.15 }));
    write(text(value), { x: left - 6, y: y(value) + 4, "text-anchor": "end" });
  }
  if (zero) picture.append(made("line", { x1: left, x2: width - right, y1: y(0), y2: y(0), stroke: "currentColor", "stroke-width": 1.5 }));
  const [first] = [...marks].sort((a, b) => a.at - b.at);
  for (const mark of marks) {
    const before = marks.length > 1 && mark === first && x(mark.at) - left > 75; // its name stands left of its line
    picture.append(made("line", { x1: x(mark.at), x2: x(mark.at), y1: top, y2: height - bottom, stroke: "currentColor", "stroke-dasharray": "4 3" }));
    write(mark.name, { x: x(mark.at) + (before ? -4 : 4), y: height - bottom - 6 - (marks.length > 1 && !before && mark === first ? 14 : 0), "text-anchor": before ? "end" : "start" });
  }
  for (const { points, colour, dashed } of lines) {
    const path = points.map(([a, b], i) => `${i ? "L" : "M"}${x(a)} ${y(b)}`).join("");
    picture.append(made("path", { d: path, fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": dashed ? "5 3" : "" }));
    for (const [a, b] of points) picture.append(dashed ? cross(x(a), y(b), colour) : made("circle", { cx: x(a), cy: y(b), r: 3.5, fill: colour }));
  }
  const end = Math.max(...all.map(([a]) => x(a)));
  apart(lines.filter((line) => line.name).map((line) => ({ ...line, at: y(line.points.at(-1)[1]) }))).forEach(({ name, at }) =>
    write(name, { x: end + 8, y: at + 4 }));
  write(across, { x: left + (width - left - right) / 2, y: height - 8, "text-anchor": "middle" });
  write(up, { x: 0, y: 0, transform: `translate(12 ${top + (height - top - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" });
  const figure = document.createElement("figure");
  figure.append(element("figcaption", caption), picture);
  return figure;
}

// Names at the ends of lines, moved apart where they would lie over each other.
function apart(ends) {
  const sorted = [...ends].sort((a, b) => a.at - b.at);
  for (let i = 1; i < sorted.length; i++) {
    sorted[i].at = Math.max(sorted[i].at, sorted[i - 1].at + 14);
  }
  return sorted;
}

const cross = (x, y, colour) => made("path", { d: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`, stroke: colour, "stroke-width": 1.5 });

function span(values) {
  const low = Math.min(...values), high = Math.max(...values), about = (high - low || 1) / 4;
  const step = [1, 2, 5, 10].map((k) => k * 10 ** Math.floor(Math.log10(about))).find((size) => size >= about);
  const first = Math.floor(low / step), last = Math.ceil(high / step);
  return { low: first * step, high: Math.max(last, first + 1) * step, ticks: Array.from({ length: Math.max(last, first + 1) - first + 1 }, (_, i) => (first + i) * step) };
}

const spoken = (lines, across, up) =>
  lines.map(({ name, points }) => `${name ? `${name}: ` : ""}${up} ${text(points[0][1])} at ${text(points[0][0])} ${across}, ${text(points.at(-1)[1])} at ${text(points.at(-1)[0])}`).join("; ");
const text = (value) => String(Number(value.toPrecision(4))).replace("-", "−");

function made(kind, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function element(kind, words) {
  const node = document.createElement(kind);
  node.textContent = words;
  return node;
}

function row(cells, kind) {
  const whole = document.createElement("tr");
  whole.append(...cells.map((cell) => element(kind, cell)));
  return whole;
}
