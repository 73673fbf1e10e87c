// What both canvases of the toy draw with: elements, pixels, axes and marks. It comes before the script that uses it.
function part(kind, name, text = "") {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

// The pixels of a canvas fit the screen; returns its context in CSS pixels, and its size.
function fit(canvas) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 300, height = canvas.clientHeight || width;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

const blend = (one, other, share) => `rgb(${rgb(one).map((v, i) => Math.round(v + share * (rgb(other)[i] - v))).join()})`;
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// The unit square with its axes: what places x₁ and x₂ on the canvas, and the length of a side. `look`: text and grid colours.
function square(pen, width, look) {
  const size = look.large ? 15 : 11, wide = 3 * size, side = width - wide - 6, base = width - wide;
  const X = (x) => wide + x * side, Y = (y) => base - y * side, said = "input units";
  pen.font = `${size}px sans-serif`;
  pen.fillStyle = look.text;
  for (const tick of [0, 0.5, 1]) {
    line(pen, X(tick), base, X(tick), base + 4, look.muted, 1);
    line(pen, wide - 4, Y(tick), wide, Y(tick), look.muted, 1);
    words(pen, tick, X(tick), base + 6, tick === 1 ? "right" : "center", "top");
    words(pen, tick, wide - 6, Y(tick), "right", tick === 1 ? "top" : "middle");
  }
  words(pen, `x₁ (${said})`, X(0.25), base + 8 + size, "center", "top");
  turned(pen, `x₂ (${said})`, Y(0.25));
  return { X, Y, side };
}

// The name of an upright axis, centred at a height along the left edge.
function turned(pen, text, y) {
  pen.save();
  pen.translate(0, y);
  pen.rotate(-Math.PI / 2);
  words(pen, text, 0, 0, "center", "top");
  pen.restore();
}

function words(pen, text, x, y, align, baseline) {
  pen.textAlign = align;
  pen.textBaseline = baseline;
  pen.fillText(text, x, y);
}

// A mark of a class: circle, square, triangle or diamond, so that colour never tells alone.
function shape(pen, x, y, r, label, fill, edge = null, width = 1) {
  pen.beginPath();
  if (label === 0) pen.arc(x, y, r, 0, 2 * Math.PI);
  else if (label === 1) pen.rect(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r);
  else if (label === 2) path(pen, [[x, y - 1.25 * r], [x + 1.2 * r, y + 0.85 * r], [x - 1.2 * r, y + 0.85 * r]]);
  else path(pen, [[x, y - 1.2 * r], [x + 1.2 * r, y], [x, y + 1.2 * r], [x - 1.2 * r, y]]);
  if (fill) {
    pen.fillStyle = fill;
    pen.fill();
  }
  if (!edge) return;
  pen.strokeStyle = edge;
  pen.lineWidth = width;
  pen.stroke();
}

function path(pen, corners) {
  corners.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
}

function line(pen, x, y, to, down, colour, width) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(to, down);
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
}

function arrow(pen, x, y, to, down, colour, width) {
  const angle = Math.atan2(down - y, to - x), long = Math.hypot(to - x, down - y);
  if (long < 2) return;
  line(pen, x, y, to, down, colour, width);
  for (const turn of [2.6, -2.6]) line(pen, to, down, to + 6 * Math.cos(angle + turn), down + 6 * Math.sin(angle + turn), colour, width);
}

function cross(pen, x, y, r, colour, width) {
  line(pen, x - r, y - r, x + r, y + r, colour, width);
  line(pen, x - r, y + r, x + r, y - r, colour, width);
}

function number(pen, text, x, y, bold) {
  pen.font = `${bold ? "700 13px" : "600 11px"} sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineWidth = 3;
  pen.strokeStyle = "#ffffff";
  pen.strokeText(text, x, y + 0.5);
  pen.fillStyle = "#10151c";
  pen.fillText(text, x, y + 0.5);
}
