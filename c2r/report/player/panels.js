// The four panels of a replay: what each draws at a recorded step, what its title says, what lies under the pointer.
// A panel is drawn whole at every step; only the heat map of the order, which never changes, is kept as a picture.
const PAD = { left: 44, right: 10, top: 8, bottom: 40 };
const LARGE = 64; // CSS px of the picture of the followed image on the map
const TILE = { most: 44, least: 30 }, GAP = 4, MARK = 5, ROWS = 5; // CSS px of a picture, beside and below it; rows at most

const PANELS = {
  histogram: { title: histogramTitle, draw: drawHistogram, found: () => -1 },
  order: { title: orderTitle, draw: drawOrder, found: foundInOrder },
  map: { title: mapTitle, draw: drawMap, found: foundOnMap },
  gallery: { title: galleryTitle, draw: drawGallery, found: foundInGallery },
};

function histogramTitle({ run, i }) {
  const broken = run.broken[i], n = run.about.n;
  return broken ? `At least ${broken} of ${n} images ${broken > 1 ? "are" : "is"} broken within ε` : `No image of ${n} is known to be broken within ε`;
}

function orderTitle({ run, i }) {
  const median = run.medians[2 * i];
  return `Order by robust margin: its median is ${signed(median)} logits`;
}

function mapTitle({ run, i }) {
  const { map, separation } = run.about;
  if (!map) return "This run has neither a UMAP nor PCA axes";
  const at = i * 2 * separation.length, [clean, attacked] = [run.separation[at], run.separation[at + separation.length]];
  const voted = `: kNN accuracy ${percent(clean)} clean, ${percent(attacked)} adversarial`;
  return `${map.method}${Number.isFinite(clean + attacked) ? voted : ""}`;
}

function galleryTitle(shown) {
  const { run, i } = shown, all = run.shapes.pictured?.[0] ?? 0;
  if (!all) return "This run keeps no pictures";
  const moment = run.moments[nearestMoment(run, i)], count = tilesOf(shown).length;
  const when = moment === i ? "" : ` (pictures of step ${run.steps[moment]})`;
  return `From the hardest to the easiest: ${count === run.about.n ? `all ${count}` : `${count} of ${run.about.n}`} images${when}; orange: broken within ε`;
}

function drawHistogram(pen, { run, i, before, size: { width, height }, limits, look }) {
  const [from, to] = run.about.bins, bin = (to - from) / 60, place = plot(width, height);
  const x = (margin) => place.left + ((margin - limits.low) / (limits.high - limits.low)) * place.wide;
  const y = (count) => place.top + place.high * (1 - count / (1.12 * limits.top));
  for (const tick of [0, limits.top / 2, limits.top]) {
    rule(pen, look.grid, place.left, y(tick), place.left + place.wide, y(tick));
    if (Number.isInteger(tick)) text(pen, look, String(tick), place.left - 6, y(tick), "right", "middle");
  }
  pen.fillStyle = look.adversarial;
  countsOf(run, i).forEach((count, k) => {
    if (count) pen.fillRect(x(from + k * bin) + 0.5, y(count), x(from + bin) - x(from) - 1, y(0) - y(count));
  });
  if (before >= 0) outline(pen, countsOf(run, before), look.ink, [2, 3], 1.2);
  outline(pen, countsOf(run, i, 1), look.clean, [], 2);
  rule(pen, look.ink, place.left, y(0), place.left + place.wide, y(0));
  rule(pen, look.ink, x(0), place.top, x(0), y(0), 2);
  text(pen, look, "← misclassified", x(0) - 6, place.top + 2, "right", "top");
  text(pen, look, "robust →", x(0) + 6, place.top + 2, "left", "top");
  for (let tick = limits.low; tick <= limits.high; tick += 5) text(pen, look, number(tick), x(tick), y(0) + 5, "center", "top");
  text(pen, look, "margin (logits)", place.left + place.wide / 2, height - 2, "center", "bottom");
  upright(pen, look, "images", 10, place.top + place.high / 2);

  function outline(pen, counts, colour, dash, thick) {
    pen.beginPath();
    counts.forEach((count, k) => {
      if (!count && !counts[k - 1] && !counts[k + 1]) return pen.moveTo(x(from + (k + 1) * bin), y(0));
      pen.lineTo(x(from + k * bin), y(count));
      pen.lineTo(x(from + (k + 1) * bin), y(count));
    });
    stroke(pen, colour, thick, dash);
  }
}

const heats = new WeakMap(); // run → its heat map as a picture, and for what it was drawn

function drawOrder(pen, shown) {
  const { run, i, size: { width, height }, look, chosen, limits } = shown, place = plot(width, height);
  const steps = run.steps, n = run.about.n, { first, last } = limits;
  const x = (step) => place.left + (last > first ? (step - first) / (last - first) : 0.5) * place.wide;
  const y = (rank) => place.top + (rank / n) * place.high;
  const [left, right] = steps.length > 1 ? [x(steps[0]), x(steps.at(-1))] : [place.left, place.left + place.wide];
  pen.drawImage(heat(shown, right - left), left, place.top, right - left, place.high);
  pen.beginPath();
  steps.forEach((step, k) => pen.lineTo(x(step), y(run.broken[k])));
  stroke(pen, look.page, 3.5);
  stroke(pen, look.ink, 1.8, [6, 4]);
  if (chosen >= 0) {
    pen.beginPath();
    steps.forEach((step, k) => pen.lineTo(x(step), y(rankOf(run, k, chosen) + 0.5)));
    stroke(pen, look.page, 5);
    stroke(pen, look.ink, 2);
  }
  rule(pen, look.page, x(steps[i]), place.top, x(steps[i]), place.top + place.high, 5);
  rule(pen, look.ink, x(steps[i]), place.top - 4, x(steps[i]), place.top + place.high + 4, 2);
  for (const rank of [0, n]) text(pen, look, number(rank), place.left - 6, y(rank), "right", rank ? "bottom" : "top");
  for (const step of new Set([first, last])) text(pen, look, number(step), x(step), height - 36, step > first ? "right" : "left", "top");
  text(pen, look, `step; colours end at ±${limits.limit.toFixed(1)} logits`, place.left + place.wide / 2, height - 2, "center", "bottom");
  upright(pen, look, "rank, 0 = hardest", 10, place.top + place.high / 2);
}

function heat({ run, look, limits }, width) {
  const wide = Math.max(1, Math.round(width)), known = heats.get(run), key = `${wide} ${look.dark} ${limits.limit}`;
  if (known?.key === key) return known.picture;
  const ranks = run.shapes.by_rank[1], steps = run.steps, last = steps.length - 1;
  const picture = new OffscreenCanvas(wide, ranks), pen = picture.getContext("2d"), pixels = pen.createImageData(wide, ranks);
  const colours = ramp(look.scale);
  for (let column = 0, k = 0; column < wide; column++) {
    const step = steps[0] + ((column + 0.5) / wide) * (steps[last] - steps[0]);
    while (k < last && Math.abs(steps[k + 1] - step) <= Math.abs(steps[k] - step)) k++;
    for (let rank = 0; rank < ranks; rank++) {
      const share = (run.by_rank[k * ranks + rank] / limits.limit + 1) / 2;
      const at = 3 * Math.round(255 * Math.min(1, Math.max(0, Number.isNaN(share) ? 0.5 : share)));
      pixels.data.set([colours[at], colours[at + 1], colours[at + 2], 255], 4 * (rank * wide + column));
    }
  }
  pen.putImageData(pixels, 0, 0);
  heats.set(run, { key, picture });
  return picture;
}

// 256 colours between the stops [share, "#rrggbb"] of a scale.
function ramp(scale) {
  const parts = scale.map(([share, colour]) => [share, ...[1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16))]);
  const colours = new Uint8ClampedArray(768);
  for (let k = 0, stop = 0; k < 256; k++) {
    while (stop < parts.length - 2 && k / 255 > parts[stop + 1][0]) stop++;
    const [low, high] = [parts[stop], parts[stop + 1]], part = (k / 255 - low[0]) / (high[0] - low[0]);
    for (let c = 0; c < 3; c++) colours[3 * k + c] = low[c + 1] + Math.min(1, Math.max(0, part)) * (high[c + 1] - low[c + 1]);
  }
  return colours;
}

function onMap(shown, spot, adversarial) {
  const { width, height } = shown.size, side = Math.min(width, height) - 8, [x, y] = placeOf(shown.run, shown.i, spot, adversarial);
  return [(width - side) / 2 + x * side, (height - side) / 2 + (1 - y) * side];
}

function drawMap(pen, shown) {
  const { run, look, chosen, size: { width, height } } = shown;
  pen.strokeStyle = look.grid;
  pen.lineWidth = 1;
  pen.strokeRect(0.5, 0.5, width - 1, height - 1);
  if (!run.about.map) return;
  const count = run.mapped.length, radius = count <= 150 ? 4.5 : count <= 400 ? 3.5 : 2.6;
  const marks = run.about.colours.map(() => [new Path2D(), new Path2D()]);
  for (let spot = 0; spot < count; spot++) {
    const [round, cross] = marks[run.labels[run.mapped[spot]]], [x, y] = onMap(shown, spot, 0), [a, b] = onMap(shown, spot, 1);
    if (Number.isFinite(x + y)) { round.moveTo(x + radius, y); round.arc(x, y, radius, 0, 2 * Math.PI); }
    if (Number.isFinite(a + b)) crossOf(cross, a, b, radius * 0.95);
  }
  marks.forEach(([, cross], k) => { pen.strokeStyle = run.about.colours[k]; pen.lineWidth = radius > 3 ? 1.8 : 1.3; pen.stroke(cross); });
  marks.forEach(([round], k) => {
    pen.fillStyle = run.about.colours[k];
    pen.fill(round);
    pen.strokeStyle = look.ink;
    pen.lineWidth = 0.7;
    pen.stroke(round);
  });
  const spot = chosen < 0 ? -1 : run.mapped.indexOf(chosen);
  if (spot >= 0) ringOnMap(pen, shown, spot);
}

function ringOnMap(pen, shown, spot) {
  const [x, y] = onMap(shown, spot, 0), [a, b] = onMap(shown, spot, 1), { look } = shown;
  for (const [colour, thick] of [[look.page, 5], [look.ink, 2]]) {
    rule(pen, colour, x, y, a, b, thick);
    pen.beginPath();
    pen.arc(x, y, 9, 0, 2 * Math.PI);
    stroke(pen, colour, thick);
  }
  pictureOnMap(pen, shown, x, y);
}

// The picture of the followed image beside its circle, within the panel.
function pictureOnMap(pen, { run, i, chosen, look, size }, x, y) {
  const picture = run.pictures ? run.pictured.indexOf(chosen) : -1;
  if (picture < 0 || !Number.isFinite(x + y)) return;
  const [, , high, wide] = run.shapes.pictures, left = x + 16 + LARGE > size.width ? x - 16 - LARGE : x + 16;
  const top = Math.min(Math.max(y - LARGE / 2, 4), size.height - LARGE - 4), scale = LARGE / Math.max(high, wide);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(atlas(run, nearestMoment(run, i)), 0, picture * high, wide, high, left, top, wide * scale, high * scale);
  pen.strokeStyle = look.ink;
  pen.lineWidth = 1.5;
  pen.strokeRect(left, top, wide * scale, high * scale);
}

function crossOf(path, x, y, arm) {
  path.moveTo(x - arm, y - arm);
  path.lineTo(x + arm, y + arm);
  path.moveTo(x - arm, y + arm);
  path.lineTo(x + arm, y - arm);
}

// The pictured images that fit, hardest first, in columns of tiles; of more than fit every so manyth, from the hardest to
// the easiest.
function tilesOf({ run, i, size: { width } }) {
  const all = run.shapes.pictured?.[0] ?? 0, columnsOf = (tile) => Math.max(1, Math.floor((width + GAP) / (tile + GAP)));
  let tile = TILE.most;
  while (tile > TILE.least && columnsOf(tile) * ROWS < all) tile--;
  const order = Array.from({ length: all }, (_, g) => g).sort((a, b) => rankOf(run, i, run.pictured[a]) - rankOf(run, i, run.pictured[b]));
  const columns = columnsOf(tile), count = Math.min(all, columns * ROWS);
  return Array.from({ length: count }, (_, k) => ({
    picture: order[count < 2 ? 0 : Math.round((k * (all - 1)) / (count - 1))],
    x: (k % columns) * (tile + GAP), y: Math.floor(k / columns) * (tile + MARK + GAP), tile,
  }));
}

// How high the gallery is, so that it never moves what is below it: by the number of its pictures.
function galleryHeight(shown) {
  const last = tilesOf(shown).at(-1);
  return last ? last.y + last.tile + MARK : 0;
}

function drawGallery(pen, shown) {
  const { run, i, look, chosen } = shown;
  if (!run.pictures) return;
  const sheet = atlas(run, nearestMoment(run, i)), [, , high, wide] = run.shapes.pictures, rows = tilesOf(shown);
  pen.imageSmoothingEnabled = false;
  for (const { picture, x, y, tile } of rows) {
    const image = run.pictured[picture], scale = tile / Math.max(high, wide), broken = marginOf(run, i, image) <= 0;
    pen.fillStyle = "#808080";
    pen.fillRect(x, y, tile, tile);
    pen.drawImage(sheet, 0, picture * high, wide, high, x + (tile - wide * scale) / 2, y + (tile - high * scale) / 2, wide * scale, high * scale);
    pen.fillStyle = broken ? look.adversarial : look.clean;
    pen.fillRect(x, y + tile + 1, broken ? tile : tile / 2, 3);
    if (image === chosen) {
      pen.strokeStyle = look.page;
      pen.lineWidth = 5;
      pen.strokeRect(x + 1, y + 1, tile - 2, tile - 2);
      pen.strokeStyle = look.ink;
      pen.lineWidth = 2.5;
      pen.strokeRect(x + 1, y + 1, tile - 2, tile - 2);
    }
  }
}

const sheets = new WeakMap(); // run → the pictures of one step on a canvas, one below the other

function atlas(run, moment) {
  const known = sheets.get(run);
  if (known?.moment === moment) return known.sheet;
  const [, count, high, wide, channels] = run.shapes.pictures, size = count * high * wide;
  const sheet = known?.sheet ?? new OffscreenCanvas(wide, count * high), pen = sheet.getContext("2d");
  const pixels = pen.createImageData(wide, count * high), from = moment * size * channels, colour = channels > 1 ? 1 : 0;
  for (let k = 0; k < size; k++) {
    const at = from + k * channels;
    pixels.data[4 * k] = run.pictures[at];
    pixels.data[4 * k + 1] = run.pictures[at + colour];
    pixels.data[4 * k + 2] = run.pictures[at + 2 * colour];
    pixels.data[4 * k + 3] = 255;
  }
  pen.putImageData(pixels, 0, 0);
  sheets.set(run, { moment, sheet });
  return sheet;
}

// The image under a point of a panel: its place among the shown ones, -1 for none.
function foundOnMap(shown, x, y) {
  if (!shown.run.about.map) return -1;
  let best = -1, least = 14 ** 2;
  shown.run.mapped.forEach((image, spot) => {
    for (const adversarial of [0, 1]) {
      const [a, b] = onMap(shown, spot, adversarial), distance = (a - x) ** 2 + (b - y) ** 2;
      if (distance < least) [best, least] = [image, distance];
    }
  });
  return best;
}

function foundInGallery(shown, x, y) {
  const hit = tilesOf(shown).find((own) => x >= own.x && x < own.x + own.tile && y >= own.y && y < own.y + own.tile + MARK);
  return hit ? shown.run.pictured[hit.picture] : -1;
}

function foundInOrder(shown, x, y) {
  const place = plot(shown.size.width, shown.size.height), { run, i } = shown;
  const rank = Math.floor(((y - place.top) / place.high) * run.about.n);
  return run.shown.findIndex((_, image) => rankOf(run, i, image) === rank);
}

const plot = (width, height) => ({
  left: PAD.left, top: PAD.top, wide: width - PAD.left - PAD.right, high: height - PAD.top - PAD.bottom,
});

function rule(pen, colour, x, y, a, b, thick = 1) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(a, b);
  stroke(pen, colour, thick);
}

function stroke(pen, colour, thick, dash = []) {
  pen.strokeStyle = colour;
  pen.lineWidth = thick;
  pen.setLineDash(dash);
  pen.stroke();
  pen.setLineDash([]);
}

function text(pen, look, words, x, y, across, down) {
  pen.fillStyle = look.muted;
  pen.textAlign = across;
  pen.textBaseline = down;
  pen.fillText(words, x, y);
}

function upright(pen, look, words, x, y) {
  pen.save();
  pen.translate(x, y);
  pen.rotate(-Math.PI / 2);
  text(pen, look, words, 0, 0, "center", "middle");
  pen.restore();
}

const number = (value) => String(value).replace("-", "−");
const signed = (value) => `${value >= 0 ? "+" : ""}${value.toFixed(2)}`.replace("-", "−");
const percent = (share) => `${Math.round(100 * share)} %`;
