// How a plane is drawn: regions, contours, hatches, polygons, marks and axes on a canvas; key, reading and table beside it.
const ROOM = { left: 46, right: 8, top: 8, bottom: 44 }; // CSS px around the plane

function painter(parent) {
  const [title, agreement, panels, reading, key, table] = [".title", ".agreement", ".panels", ".reading", ".key", "table"].map((name) =>
    parent.querySelector(name));
  const drawn = new WeakMap(); // canvas → a copy of what is on it without the pointer's cross
  let data = null, about = null, arrays = null, landings = null, cursor = null;

  function show(now, values) {
    const another = !about || now.network !== about.network || JSON.stringify(now.points) !== JSON.stringify(about.points);
    [about, arrays] = [now, values];
    if (another) [landings, cursor] = [null, null];
    title.textContent = about.title;
    agreement.hidden = !about.agreement;
    agreement.textContent = about.agreement ? spokenAgreement(about.agreement) : "";
    arrange(about.beside ? ["", "_beside"] : [""]);
    draw();
    fillKey();
    fillTable();
  }

  function land(now) {
    landings = now;
    draw();
    fillKey();
    fillTable();
  }

  function arrange(kinds) {
    if (panels.children.length !== kinds.length) {
      panels.replaceChildren(...kinds.map((kind) => {
        const panel = element("div", "panel"), canvas = element("canvas", "");
        canvas.tabIndex = 0;
        canvas.setAttribute("role", "img");
        panel.append(element("div", "name"), canvas);
        listen(canvas);
        return panel;
      }));
    }
    kinds.forEach((kind, i) => {
      const panel = panels.children[i], called = kind ? about.beside : about.network;
      panel.dataset.kind = kind;
      panel.querySelector(".name").textContent = upper(called);
      panel.querySelector("canvas").setAttribute("aria-label", kind ? `The same plane under ${called}. ${agreement.textContent}` : about.alternative);
    });
  }

  function draw() {
    if (!about) return;
    for (const panel of panels.children) paint(panel.querySelector("canvas"), panel.dataset.kind);
    mark();
  }

  // The cross of the pointer over what is drawn: nothing else is drawn again while it moves.
  function mark() {
    for (const canvas of panels.querySelectorAll("canvas")) {
      const pen = canvas.getContext("2d"), copy = drawn.get(canvas), width = canvas.clientWidth;
      if (!copy || !width) continue;
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(copy, 0, 0);
      pen.setTransform(canvas.width / width, 0, 0, canvas.width / width, 0, 0);
      if (cursor) cross(pen, placed(about.window, width), cursor, getComputedStyle(canvas).color);
    }
  }

  function paint(canvas, kind) {
    const width = canvas.clientWidth, scale = devicePixelRatio || 1;
    if (!width) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = canvas.height = Math.round(width * scale);
    const pen = canvas.getContext("2d"), style = getComputedStyle(parent.querySelector(".whole"));
    const ink = style.color, page = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
    const place = placed(about.window, width);
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, width);
    pen.font = `12px ${style.fontFamily}`;
    pen.save();
    pen.beginPath();
    pen.rect(place.left, place.top, place.side, place.side);
    pen.clip();
    regions(pen, place, about.n, arrays[`classes${kind}`], arrays[`margin${kind}`], data.colours, page);
    hatch(pen, place, about.allowed, ink, page);
    contours(pen, place, about.n, arrays[`own${kind}`], ink, spacing(arrays[`own${kind}`]));
    outline(pen, place, about.ball, ink, page);
    (landings && !kind ? landings.landings : []).forEach((mark, i) => spot(pen, place, { ...mark, kind: "landing", text: `${i + 1}` }, data, ink, page));
    for (const mark of [...about.points].reverse()) spot(pen, place, mark, data, ink, page);
    pen.restore();
    axes(pen, place, about, ink);
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    copy.getContext("2d").drawImage(canvas, 0, 0);
    drawn.set(canvas, copy);
  }

  function listen(canvas) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    canvas.onpointermove = (event) => {
      const place = placed(about.window, canvas.clientWidth), box = canvas.getBoundingClientRect();
      point(place.back(event.clientX - box.left, event.clientY - box.top));
    };
    canvas.onpointerleave = () => point(null);
    canvas.onblur = () => point(null);
    canvas.onkeydown = (event) => {
      if (event.key === "Escape") return point(null);
      if (!(event.key in steps)) return;
      event.preventDefault();
      const [right, up] = steps[event.key], step = about.window.side / 50;
      point(cursor ? [cursor[0] + right * step, cursor[1] + up * step] : [0, 0], true);
    };
  }

  function point(where, spoken = false) {
    const { left, bottom, side } = about.window;
    const inside = where && where[0] >= left && where[0] <= left + side && where[1] >= bottom && where[1] <= bottom + side;
    if (where && !inside) return;
    cursor = where;
    reading.setAttribute("aria-hidden", spoken ? "false" : "true");
    reading.setAttribute("aria-live", spoken ? "polite" : "off");
    reading.textContent = where ? [...panels.children].map((panel) => told(where, panel.dataset.kind)).join("  |  ") : "";
    mark();
  }

  function told([s, t], kind) {
    const i = nearest(s, about.window.left), j = nearest(t, about.window.bottom), at = j * about.n + i;
    const margin = signed(arrays[`own${kind}`][at]), lead = arrays[`margin${kind}`][at].toFixed(2);
    const where = kind ? "" : `At ${signed(s, 1)}, ${signed(t, 1)} levels: `, out = arrays.outside[at] && !kind ? "; leaves [0, 1]" : "";
    return `${where}${kind ? "beside: " : ""}class ${name(arrays[`classes${kind}`][at])}, leads by ${lead}; margin of ${name(about.label)} ${margin} logits${out}`;
  }

  const nearest = (value, from) => Math.max(0, Math.min(about.n - 1, Math.round(((value - from) / about.window.side) * (about.n - 1))));
  const name = (k) => about.classes[k] ?? data.names[k] ?? String(k);

  function fillKey() {
    const counts = new Map();
    arrays.classes.forEach((k, i) => { if (!arrays.outside[i]) counts.set(k, (counts.get(k) ?? 0) + 1); });
    const inside = [...counts.values()].reduce((a, b) => a + b, 0);
    for (const k of new Set(arrays.classes)) if (!counts.has(k)) counts.set(k, 0);
    const sorted = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 12);
    const shares = sorted.map(([k, count]) => entry(square(data.colours[k]), `${name(k)}: ${inside ? `${Math.round((100 * count) / inside)} %` : "–"}`));
    const line = (width, dash = "") => `<line x1="0" y1="7" x2="22" y2="7" stroke="currentColor" stroke-width="${width}" stroke-dasharray="${dash}"/>`;
    const every = spacing(arrays.own);
    key.replaceChildren(
      element("span", "entry", `Share within [0, 1] (${inside.toLocaleString("en")} points):`), ...shares,
      entry(line(2.5), `margin of class ${name(about.label)} is 0`), entry(line(0.8), `every ${every} logits`),
      entry(line(1.6, "4 3"), `within ε = ${about.eps} (L∞) of the image`),
      entry('<path d="M0 14L14 0M6 14L20 0" stroke="currentColor" stroke-width="1"/>', "leaves [0, 1]"),
      ...(landings ? [entry('<circle cx="11" cy="7" r="6" fill="none" stroke="currentColor" stroke-width="1.5"/>', `attacks on the ${about.beside ? "first " : ""}network, numbered as in the data, which say how far off the plane they land`)] : []),
    );
  }

  function fillTable() {
    const heads = ["", "Right, levels", "Up, levels", "Off the plane, levels", "Taken for", `Margin of ${name(about.label)}, logits`];
    const rows = [...about.points, ...(landings?.landings ?? []).map((mark, i) => ({ ...mark, name: `${i + 1} ${mark.name} (${mark.threat})` }))].map((mark) =>
      [upper(mark.name), ...mark.place.map((value) => signed(value, 1)), mark.distance.toFixed(1), name(mark.class), signed(mark.margin)]);
    const left = landings?.left_out.length ? [[`Too slow for one look: ${landings.left_out.join(", ")}`, "", "", "", "", ""]] : [];
    table.replaceChildren(line(heads, "th"), ...[...rows, ...left].map((row) => line(row, "td")));
  }

  return { show, land, draw, theme: (now) => { data = now; }, shown: () => about !== null, close: () => panels.replaceChildren() };
}

function spokenAgreement({ whole, inside, points, points_inside }) {
  const within = inside === null ? "no point lies within [0, 1]" : `${percent(inside)} of the ${points_inside.toLocaleString("en")} within [0, 1]`;
  return `The two networks agree on ${percent(whole)} of ${points.toLocaleString("en")} points, and on ${within}.`;
}

// From levels to CSS px and back.
function placed({ left, bottom, side }, width) {
  const size = width - ROOM.left - ROOM.right, scale = size / side, down = ROOM.top + size;
  return {
    left: ROOM.left, top: ROOM.top, side: width - ROOM.left - ROOM.right, height: size, scale,
    to: ([s, t]) => [ROOM.left + (s - left) * scale, down - (t - bottom) * scale],
    back: (x, y) => [left + (x - ROOM.left) / scale, bottom + (down - y) / scale],
  };
}

// One square of colour around each grid point, paler where the first class leads by less.
function regions(pen, place, n, classes, margin, colours, page) {
  const image = new OffscreenCanvas(n, n), brush = image.getContext("2d"), pixels = brush.createImageData(n, n);
  const paper = rgb(page), inks = colours.map(rgb), most = quantile(margin, 0.9) || 1;
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      const at = j * n + i, to = 4 * ((n - 1 - j) * n + i), ink = inks[classes[at]] ?? paper;
      const share = 0.3 + 0.45 * Math.min(1, margin[at] / most);
      for (let c = 0; c < 3; c++) pixels.data[to + c] = paper[c] + share * (ink[c] - paper[c]);
      pixels.data[to + 3] = 255;
    }
  }
  brush.putImageData(pixels, 0, 0);
  const cell = place.side / (n - 1);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, place.left - cell / 2, place.top - cell / 2, place.side + cell, place.side + cell);
}

// Lines of equal margin by marching squares: zero strongest, the others faint, dashed below zero.
function contours(pen, place, n, values, ink, every) {
  const low = Math.ceil(quantile(values, 0) / every), high = Math.floor(quantile(values, 1) / every);
  const cell = place.side / (n - 1), at = (i, j) => values[j * n + i];
  const spot = (i, j) => [place.left + i * cell, place.top + place.side - j * cell];
  pen.strokeStyle = ink;
  for (let k = Math.max(low, -60); k <= Math.min(high, 60); k++) {
    const level = k * every;
    pen.globalAlpha = k ? 0.45 : 1;
    pen.lineWidth = k ? 0.8 : 2.5;
    pen.beginPath();
    for (let j = 0; j + 1 < n; j++) {
      for (let i = 0; i + 1 < n; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], ends = [];
        corners.forEach(([a, b], side) => {
          const [c, d] = corners[(side + 1) % 4], one = at(a, b) - level, two = at(c, d) - level;
          if (one >= 0 === two >= 0) return;
          const share = one / (one - two), [x, y] = spot(a, b), [u, v] = spot(c, d);
          ends.push([x + share * (u - x), y + share * (v - y)]);
        });
        for (let e = 0; e + 1 < ends.length; e += 2) {
          pen.moveTo(...ends[e]);
          pen.lineTo(...ends[e + 1]);
        }
      }
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

// What leaves [0, 1]: veiled and hatched.
function hatch(pen, place, corners, ink, page) {
  const { left, top, side } = place;
  pen.save();
  pen.beginPath();
  pen.rect(left, top, side, side);
  trace(pen, place, corners);
  pen.clip("evenodd");
  pen.globalAlpha = 0.35;
  pen.fillStyle = page;
  pen.fillRect(left, top, side, side);
  pen.globalAlpha = 0.35;
  pen.strokeStyle = ink;
  pen.lineWidth = 0.7;
  pen.beginPath();
  for (let x = -side; x < side; x += 9) {
    pen.moveTo(left + x, top + side);
    pen.lineTo(left + x + side, top);
  }
  pen.stroke();
  pen.restore();
}

function outline(pen, place, corners, ink, page) {
  for (const [colour, width, dash] of [[page, 3.5, []], [ink, 1.6, [6, 4]]]) {
    pen.beginPath();
    trace(pen, place, corners);
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dash);
    pen.stroke();
  }
  pen.setLineDash([]);
}

function trace(pen, place, corners) {
  corners.forEach((corner, i) => (i ? pen.lineTo(...place.to(corner)) : pen.moveTo(...place.to(corner))));
  if (corners.length) pen.closePath();
}

const SHAPES = {
  image: (pen, x, y) => pen.arc(x, y, 6, 0, 2 * Math.PI),
  twin: (pen, x, y) => { for (const s of [-1, 1]) (pen.moveTo(x - 6, y - 6 * s), pen.lineTo(x + 6, y + 6 * s)); },
  other: (pen, x, y) => { pen.moveTo(x, y - 7); pen.lineTo(x + 7, y); pen.lineTo(x, y + 7); pen.lineTo(x - 7, y); pen.closePath(); },
  landing: (pen, x, y) => pen.arc(x, y, 7, 0, 2 * Math.PI),
};

// An image on the plane: its sign with a halo, and its short name beside it; paler where it lies off the plane.
function spot(pen, place, mark, data, ink, page) {
  const [x, y] = place.to(mark.place), colour = { image: data.clean, twin: data.adversarial }[mark.kind] ?? ink;
  const landing = mark.kind === "landing", off = mark.distance >= 1;
  pen.globalAlpha = off && !landing ? 0.6 : 1;
  for (const [line, width] of [[page, 6], [colour, landing ? 1.4 : 2.6]]) {
    pen.beginPath();
    SHAPES[mark.kind](pen, x, y);
    pen.strokeStyle = line;
    pen.lineWidth = width;
    if (mark.kind === "image" || (landing && line === page)) ((pen.fillStyle = line), pen.fill());
    pen.stroke();
  }
  const short = mark.kind === "twin" ? "twin" : mark.name.split(",")[0], down = mark.kind === "image" ? 18 : 0;
  const text = landing ? mark.text : off ? `${short} (${mark.distance.toFixed(0)} off)` : short;
  const right = x + 12 + pen.measureText(text).width < place.left + place.side, along = down || landing ? 0 : right ? 11 : -11;
  pen.textBaseline = "middle";
  pen.textAlign = down || landing ? "center" : right ? "left" : "right";
  pen.lineWidth = landing ? 0 : 3.5;
  pen.strokeStyle = page;
  if (!landing) pen.strokeText(text, x + along, y + down);
  pen.fillStyle = ink;
  pen.fillText(text, x + along, y + down + (landing ? 0.5 : 0));
  pen.globalAlpha = 1;
}

function cross(pen, place, where, ink) {
  const [x, y] = place.to(where);
  pen.strokeStyle = ink;
  pen.lineWidth = 1;
  pen.globalAlpha = 0.6;
  pen.beginPath();
  pen.moveTo(x, place.top);
  pen.lineTo(x, place.top + place.side);
  pen.moveTo(place.left, y);
  pen.lineTo(place.left + place.side, y);
  pen.stroke();
  pen.globalAlpha = 1;
}

function axes(pen, place, about, ink) {
  const { left, bottom, side } = about.window, step = nice(side / 5), below = place.top + place.side;
  pen.fillStyle = pen.strokeStyle = ink;
  pen.lineWidth = 1;
  pen.strokeRect(place.left, place.top, place.side, place.side);
  for (let k = Math.ceil(left / step); k * step <= left + side; k++) {
    const [x] = place.to([k * step, bottom]);
    write(pen, number(k * step), x, below + 6, "center", "top");
  }
  for (let k = Math.ceil(bottom / step); k * step <= bottom + side; k++) {
    const [, y] = place.to([left, k * step]);
    write(pen, number(k * step), place.left - 5, y, "right", "middle");
  }
  const [right, up] = about.axes.map((text) => `${upper(text)}, levels (RMS, 1/255)`);
  write(pen, right, place.left + place.side / 2, below + 24, "center", "top", place.side);
  pen.save();
  pen.translate(2, place.top + place.side / 2);
  pen.rotate(-Math.PI / 2);
  write(pen, up, 0, 0, "center", "top", place.side);
  pen.restore();
}

function write(pen, text, x, y, align, line, most) {
  [pen.textAlign, pen.textBaseline] = [align, line];
  pen.fillText(text, x, y, most);
}

const signed = (value, digits = 2) => {
  const size = Math.abs(value).toFixed(digits);
  return `${Number(size) === 0 ? "" : value > 0 ? "+" : "−"}${size}`;
};
const number = (value) => String(Number(value.toPrecision(6))).replace("-", "−");
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const nice = (about) => [1, 2, 5, 10].map((k) => k * 10 ** Math.floor(Math.log10(about))).find((step) => step >= about);
const quantile = (values, share) => {
  const sorted = Float32Array.from(values).filter(Number.isFinite).sort();
  return sorted[Math.round(share * (sorted.length - 1))] ?? 0;
};
const spacing = (values) => nice((quantile(values, 0.98) - quantile(values, 0.02)) / 8 || 1);
const square = (colour) => `<rect x="4" y="1" width="13" height="13" fill="${colour}" fill-opacity="0.75" stroke="currentColor"/>`;

// Any CSS colour as red, green and blue.
function rgb(colour) {
  const brush = new OffscreenCanvas(1, 1).getContext("2d");
  brush.fillStyle = colour;
  brush.fillRect(0, 0, 1, 1);
  return [...brush.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

function element(kind, name, text = "") {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

function entry(sign, text) {
  const whole = element("span", "entry"), drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ width: 22, height: 15, "aria-hidden": "true" })) drawn.setAttribute(key, value);
  drawn.innerHTML = sign; // of this file, with colours of the app's own palette
  whole.append(drawn, text);
  return whole;
}

function line(values, kind) {
  const row = document.createElement("tr");
  row.append(...values.map((value) => element(kind, "", value)));
  return row;
}
