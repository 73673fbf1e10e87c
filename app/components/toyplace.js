// The square in which points are placed: a click adds one of the chosen class, a click on a point takes it away. What is placed
// is kept here and handed back once the hand rests; the sentence below comes from the server. All texts are set as text.
const RESTS = 700; // milliseconds after which points are handed back
const NEAR = 10; // pixels within which a click means a point
const LETTERS = "abc";
const KINDS = ["●", "■", "▲"];

export default (component) => mounted(component, (parent) => open(parent.querySelector(".toy")));

function open(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const canvas = find("plane"), said = find("said"), switches = [...root.querySelectorAll(".kind")];
  let data = null, tell = null, points = [], kind = 0, drafts = 0, resting = 0, place = null;

  function renew(now, trigger) {
    tell = trigger;
    data = now;
    root.classList.toggle("large", data.large);
    if (now.drafts >= drafts) {
      drafts = now.drafts;
      points = read(now.given);
      said.textContent = now.said;
    }
    show();
  }

  function show() {
    const { pen, width } = fit(canvas);
    pen.fillStyle = data.page;
    place = square(pen, width, data);
    for (const part of [0, 0.5, 1]) {
      line(pen, place.X(part), place.Y(0), place.X(part), place.Y(1), data.grid, 1);
      line(pen, place.X(0), place.Y(part), place.X(1), place.Y(part), data.grid, 1);
    }
    for (const [x, y, label] of points) shape(pen, place.X(x / 100), place.Y(y / 100), 6, label, data.colours[label], data.text, 1.2);
    const counts = KINDS.map((_, k) => points.filter((point) => point[2] === k).length);
    switches.forEach((button, k) => {
      button.textContent = `${KINDS[k]} Class ${k + 1}: ${counts[k]}`;
      button.setAttribute("aria-checked", k === kind);
      button.tabIndex = k === kind ? 0 : -1;
    });
    canvas.setAttribute("aria-label", `Placed points: ${counts.map((count, k) => `${count} of class ${k + 1}`).join(", ")}`);
    canvas.title = `Click: a point of class ${kind + 1}; click on a point: take it away`;
  }

  // Points were changed by hand: what the server still says of earlier ones does not count any more.
  function change(now) {
    if (now.length > data.most) {
      said.textContent = `At most ${data.most} points fit: take one away first.`;
      return;
    }
    points = now;
    drafts += 1;
    said.textContent = "…";
    show();
    clearTimeout(resting);
    resting = setTimeout(() => tell("placed", { given: written(points), drafts }), RESTS);
  }

  function choose(k) {
    kind = k;
    show();
    switches[k].focus();
  }

  canvas.onclick = (event) => {
    const box = canvas.getBoundingClientRect(), [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const far = points.map(([a, b]) => Math.hypot(place.X(a / 100) - x, place.Y(b / 100) - y));
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] <= NEAR) return change(points.filter((_, i) => i !== nearest));
    const at = [(x - place.X(0)) / place.side, (place.Y(0) - y) / place.side];
    if (at.every((v) => v > -0.02 && v < 1.02)) change([...points, [...at.map(hundredth), kind]]);
  };
  switches.forEach((button, k) => (button.onclick = () => choose(k)));
  find("ten").onclick = () => {
    const centre = [0.2 + 0.6 * Math.random(), 0.2 + 0.6 * Math.random()], around = () => 0.3 * (Math.random() + Math.random() - 1);
    change([...points, ...Array.from({ length: 10 }, () => [...centre.map((v) => hundredth(v + around())), kind])]);
  };
  find("clear").onclick = () => change([]);
  root.onkeydown = (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey, k = Number(event.key) - 1, turn = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: 2, ArrowUp: 2 }[event.key];
    if (plain && KINDS[k]) choose(k);
    else if (turn && event.target.closest(".kind")) choose((kind + turn) % KINDS.length);
    else return;
    event.preventDefault();
  };
  const resized = new ResizeObserver(() => data && show());
  resized.observe(root);
  return { renew, close: () => (clearTimeout(resting), resized.disconnect()) };
}

const hundredth = (v) => Math.round(100 * Math.max(0, Math.min(1, v)));
const read = (text) => [...text.matchAll(/([abc])(\d{1,3})\.(\d{1,3})/g)].map(([, letter, x, y]) => [Number(x), Number(y), LETTERS.indexOf(letter)]);
const written = (points) => points.map(([x, y, label]) => `${LETTERS[label]}${x}.${y}`).join("");
