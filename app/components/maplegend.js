// The legend of maps that stand side by side: a sign of its colour for each entry, or a scale between two ends.
// Names come from files, so all texts are set as text.
export default function ({ data, parentElement }) {
  parentElement.querySelector(".legend").replaceChildren(...data.entries.map(entry));
}

function entry({ sign, colour, name, colours, low, high }) {
  const whole = part("span", "entry");
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
