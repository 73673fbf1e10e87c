// Reads a replay (c2r/look/replay.py): the safetensors layout, whose header holds `about` the arrays as one JSON text.
const KINDS = { U8: Uint8Array, U16: Uint16Array, U32: Uint32Array, F32: Float32Array, F16: Uint16Array };
const FINEST = 65534; // the largest place on the map; one more stands for nowhere

function readReplay(buffer) {
  const size = Number(new DataView(buffer).getBigUint64(0, true));
  const { __metadata__: told, ...tensors } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, size)));
  const run = { about: JSON.parse(told.about), shapes: {} };
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(tensors)) {
    const values = new KINDS[dtype](buffer.slice(8 + size + from, 8 + size + to));
    run[name] = dtype === "F16" ? Float32Array.from(values, half) : values;
    run.shapes[name] = shape;
  }
  return run;
}

// A number in half precision.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
}

// What panels ask of a run at its recorded step number i.
const images = (run) => run.shapes.shown[0];
const marginOf = (run, i, image, clean = 0) => run.margins[(2 * i + clean) * images(run) + image];
const rankOf = (run, i, image) => run.ranks[i * images(run) + image];
const countsOf = (run, i, clean = 0) => run.counts.subarray((2 * i + clean) * 60, (2 * i + clean + 1) * 60);

// The recorded step nearest to a step: its number.
function nearestStep(run, step) {
  let best = 0;
  run.steps.forEach((own, i) => { if (Math.abs(own - step) < Math.abs(run.steps[best] - step)) best = i; });
  return best;
}

// The number of the pictured step nearest to recorded step i.
function nearestMoment(run, i) {
  let best = 0;
  run.moments.forEach((own, t) => { if (Math.abs(own - i) < Math.abs(run.moments[best] - i)) best = t; });
  return best;
}

// Where images lie on the map at recorded step i, as shares of its window, y upwards; NaN for nowhere.
function placeOf(run, i, spot, adversarial) {
  const at = ((2 * i + adversarial) * run.shapes.mapped[0] + spot) * 2, [x, y] = [run.places[at], run.places[at + 1]];
  return x > FINEST ? [NaN, NaN] : [x / FINEST, y / FINEST];
}

// What panels of runs beside each other share, so that they can be compared: limits of axes and of colours.
function sharedLimits(runs) {
  let low = -5, high = 5, top = 1;
  const sizes = [];
  for (const run of runs) {
    const [from, to] = run.about.bins, width = (to - from) / 60;
    run.counts.forEach((count, at) => {
      if (!count) return;
      const bin = at % 60;
      low = Math.min(low, 5 * Math.floor((from + bin * width) / 5));
      high = Math.max(high, 5 * Math.ceil((from + (bin + 1) * width) / 5));
      top = Math.max(top, count);
    });
    run.by_rank.forEach((margin) => { if (Number.isFinite(margin)) sizes.push(Math.abs(margin)); });
  }
  sizes.sort((a, b) => a - b);
  const limit = sizes[Math.floor(0.99 * (sizes.length - 1))] || 1;
  const steps = runs.flatMap((run) => [run.steps[0], run.steps.at(-1)]);
  return { low, high, top: roundUp(top), limit, first: Math.min(...steps), last: Math.max(...steps) };
}

function roundUp(most) {
  for (let power = 1; ; power *= 10) for (const step of [1, 2, 3, 4, 5, 6, 8]) if (step * power >= most) return step * power;
}
