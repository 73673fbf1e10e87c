// The picture of the image under the pointer, beside it, on a Plotly chart of the page.
//
// Streamlit hands over the chart without hover events, so this listens to Plotly itself. The chart is found when the pointer comes
// onto it or the keyboard asks, never before: it may be drawn later than this, and again at every step. Whatever is missing or fails,
// Plotly's own label stays. All texts are set as text.
export default function (component) {
  try {
    return mounted(component, open);
  } catch {
    component.parentElement.querySelector(".line").hidden = true; // no pictures then: the labels of the chart stay
  }
}

function open(parent) {
  const [tile, ring, line] = ["tile", "ring", "line"].map((name) => parent.querySelector(`.${name}`));
  let data = null, places = new Map(), chart = null, chosen = 0, usable = false;

  function renew(now) {
    data = now;
    places = new Map(data.numbers.map((number, i) => [number, i]));
    chosen = Math.min(chosen, data.numbers.length - 1);
    line.setAttribute("aria-valuemax", data.numbers.length);
    line.setAttribute("aria-label", `Images on the map${data.map ? ` ${data.map}` : ""}, hardest first`);
    hide();
    usable = false;
    const sheet = new Image();
    sheet.onload = () => { usable = sheet.src === data.sheet; };
    sheet.src = data.sheet;
    for (const picture of tile.querySelectorAll(".picture")) picture.style.backgroundImage = `url("${data.sheet}")`;
  }

  function found(target) {
    const near = target?.closest?.(`${data.area} .js-plotly-plot`);
    if (near && near !== chart && near.on) {
      release();
      chart = near;
      chart.on("plotly_hover", hovered);
      chart.on("plotly_unhover", hide);
    }
  }

  const seek = () => found([...document.querySelectorAll(`${data.area} .js-plotly-plot`)].at(-1)); // the old one may still be there

  function release() {
    chart?.removeListener?.("plotly_hover", hovered);
    chart?.removeListener?.("plotly_unhover", hide);
    chart = null;
  }

  function hovered({ points, event }) {
    const point = points?.[0], number = [point?.customdata].flat()[0], i = places.get(Number(number));
    label(i === undefined || !usable);
    if (i === undefined || !usable) return hide();
    show(i, (point.fullData ?? point.data).meta === "adversarial", event.clientX, event.clientY);
  }

  function label(visible) {
    for (const layer of chart?.querySelectorAll(".hoverlayer") ?? []) layer.style.display = visible ? "" : "none";
  }

  function show(i, twin, x, y) {
    tile.querySelector(".title").textContent = `#${data.numbers[i]} · ${data.names[data.classes[i]]}`;
    tile.querySelector(".figures").textContent = figures(i);
    place(tile.querySelector(".clean .picture"), 2 * i);
    place(tile.querySelector(".twin .picture"), 2 * i + 1);
    tile.querySelector(".clean").classList.toggle("meant", !twin);
    tile.querySelector(".twin").classList.toggle("meant", twin);
    tile.querySelector(".twin figcaption").textContent = `adversarial (${data.attack})`;
    tile.hidden = false;
    const { width, height } = tile.getBoundingClientRect();
    tile.style.left = `${Math.max(4, x + 16 + width < innerWidth ? x + 16 : x - 16 - width)}px`;
    tile.style.top = `${Math.max(4, Math.min(y + 16, innerHeight - height - 4))}px`;
  }

  const figures = (i) =>
    `clean margin ${data.clean[i]}, robust margin ${data.robust[i]} logits: ${Number(data.robust[i].replace("−", "-")) > 0 ? "robust" : "broken"}`;

  function place(picture, i) {
    const scale = picture.clientWidth ? picture.clientWidth / data.side : 88 / data.side, cell = data.cell * scale;
    picture.style.backgroundSize = `${data.columns * cell}px auto`;
    picture.style.backgroundPosition = `${-(i % data.columns) * cell}px ${-Math.floor(i / data.columns) * cell}px`;
  }

  function hide() {
    tile.hidden = ring.hidden = true;
  }

  // By keyboard: the images one after the other, hardest first, with a ring around the mark on the map.
  function walk() {
    if (!data.numbers.length || !usable) return;
    const mark = onMap(data.numbers[chosen]), box = line.getBoundingClientRect();
    show(chosen, false, mark?.x ?? box.left, mark?.y ?? box.bottom);
    ring.hidden = !mark;
    if (mark) Object.assign(ring.style, { left: `${mark.x - 11}px`, top: `${mark.y - 11}px` });
    line.setAttribute("aria-valuenow", chosen + 1);
    line.setAttribute("aria-valuetext", `${tile.querySelector(".title").textContent}, ${figures(chosen)}`);
  }

  function onMap(number) {
    const { xaxis, yaxis } = chart?._fullLayout ?? {};
    for (const trace of chart?._fullData ?? []) {
      const i = trace.meta === "clean" ? Array.from(trace.customdata ?? []).findIndex((own) => Number([own].flat()[0]) === number) : -1;
      if (i >= 0 && xaxis?.l2p && yaxis?.l2p) {
        const box = chart.getBoundingClientRect();
        return { x: box.left + xaxis._offset + xaxis.l2p(trace.x[i]), y: box.top + yaxis._offset + yaxis.l2p(trace.y[i]) };
      }
    }
    return null;
  }

  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  line.onkeydown = (event) => {
    if (event.key === "Escape") hide();
    if (!(event.key in steps)) return;
    event.preventDefault();
    seek();
    chart?.scrollIntoView({ block: "nearest" });
    chosen = Math.max(0, Math.min(data.numbers.length - 1, chosen + steps[event.key]));
    walk();
  };
  line.onfocus = () => { if (line.matches(":focus-visible")) (seek(), walk()); };
  line.onblur = hide;

  const over = (event) => found(event.target);
  const scrolled = () => { if (!tile.hidden) (line.matches(":focus") && !ring.hidden ? walk : hide)(); };
  document.addEventListener("pointerover", over);
  document.addEventListener("scroll", scrolled, true);
  return {
    renew,
    close: () => {
      document.removeEventListener("pointerover", over);
      document.removeEventListener("scroll", scrolled, true);
      label(true);
      release();
    },
  };
}
