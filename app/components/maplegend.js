// The legend of maps that stand side by side: a sign of its colour for each entry, or a scale between two ends.
// A click on a class is told once it is known not to be the first of two. Names come from files, so all texts are set as text.
const TWICE = 300; // ms in which a second click makes a double click

export default function ({ data, parentElement, setTriggerValue }) {
  const legend = parentElement.querySelector(".legend"), focused = parentElement.querySelector(".entry:focus")?.dataset.number;
  const told = (number, alone) => setTriggerValue("clicked", { class: number, alone });
  legend.replaceChildren(...data.entries.map((shown) => entry(shown, told)));
  if (focused) legend.querySelector(`[data-number="${focused}"]`)?.focus();
}

function button(number, hidden, told) {
  const whole = part("button", "entry");
  let waiting = 0;
  whole.type = "button";
  whole.title = "Click: hide or show on both maps. Double click: show alone.";
  whole.dataset.number = number;
  whole.setAttribute("aria-pressed", String(!hidden));
  whole.onclick = () => {
    const second = waiting;
    clearTimeout(waiting);
    waiting = second ? 0 : setTimeout(() => { waiting = 0; told(number, false); }, TWICE);
    if (second) told(number, true);
  };
  return whole;
}

function entry({ sign, colour, name, colours, low, high, class: number, hidden }, told) {
  const whole = number === undefined ? part("span", "entry") : button(number, hidden, told);
  if (colours) {
    const bar = part("span", "bar");
    bar.style.background = colours;
    whole.append(`${name}: ${low} `, bar, ` ${high}`);
  } else {
    const mark = part("span", "sign", sign);
    mark.style.color = colour;
    mark.setAttribute("aria-hidden", "true");
    whole.append(mark, ` ${name}`);
  }
  return whole;
}

function part(kind, name, text = "") {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}
