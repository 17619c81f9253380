// Labels as pictures of their own size: classes, errors, differences; and their outlines as paths.

const VOID_COLOR = "#888888";
const HEAT = ["#fee08b", "#f46d43", "#a50026"]; // few models differ .. most of them do

// A picture of one color per pixel: `colorOf(index)` gives 32 bits as `bits` makes them, 0 for clear.
function raster(width, height, colorOf) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  const data = context.createImageData(width, height);
  const pixels = new Uint32Array(data.data.buffer);
  for (let index = 0; index < pixels.length; index++) pixels[index] = colorOf(index);
  context.putImageData(data, 0, 0);
  return canvas;
}

function bits(hex) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // as a little-endian canvas has it
}

// Whether void is painted at that pixel: lines that stay apart in a small panel.
function hatcher({ width, height }) {
  const period = Math.max(8, Math.floor(Math.max(width, height) / 32));
  const line = Math.floor(period / 4);
  return (index) => ((Math.floor(index / width) + (index % width)) % period) < line;
}

function paintMasks(labels, { classes, void: voidLabel }, off) {
  const table = new Uint32Array(256);
  classes.forEach((info, label) => {
    if (info.filled && !off.includes(label)) table[label] = bits(info.color);
  });
  const [hatched, gray] = [hatcher(labels), bits(VOID_COLOR)];
  const { bytes } = labels;
  return raster(labels.width, labels.height, (index) =>
    bytes[index] === voidLabel ? (hatched(index) ? gray : 0) : table[bytes[index]],
  );
}

// `only`: the label whose hits, misses and false alarms are shown; -1 for the errors of all classes.
function paintErrors(predicted, truth, { classes, void: voidLabel, errors }, only, band) {
  const [missed, alarm, wrong, hit] = ["missed", "false_alarm", "wrong", "hit"].map((kind) =>
    bits(errors[kind]),
  );
  const background = classes.findIndex((info) => !info.filled);
  const [hatched, gray] = [hatcher(truth), bits(VOID_COLOR)];
  const near = band ? boundaryBand(truth, band, only) : null;
  return raster(predicted.width, predicted.height, (index) => {
    const [is, said] = [truth.bytes[index], predicted.bytes[index]];
    if (is === voidLabel) return hatched(index) ? gray : 0;
    if (near && !near[index]) return 0;
    if (only >= 0) {
      if (is === only) return said === only ? hit : missed;
      return said === only ? alarm : 0;
    }
    if (is === said) return 0;
    return said === background ? missed : is === background ? alarm : wrong;
  });
}

// Pixels within `reach` pixels (chessboard distance) of one of another class or of the image's edge,
// as in boundary IoU; `only`: of that class alone, on either side of its edge.
function boundaryBand({ width, height, bytes }, reach, only) {
  const own = only < 0 ? bytes : bytes.map((label) => (label === only ? 1 : 0));
  const rows = windows(own, width, height, reach);
  const band = new Uint8Array(bytes.length);
  const low = spread(rows.low, width, height, reach, Math.min);
  const high = spread(rows.high, width, height, reach, Math.max);
  for (let index = 0; index < band.length; index++) {
    const [x, y] = [index % width, Math.floor(index / width)];
    const edge = Math.min(x, y, width - 1 - x, height - 1 - y) < reach;
    band[index] = low[index] !== high[index] || (edge && (only < 0 || own[index])) ? 1 : 0;
  }
  return band;
}

// The lowest and the highest label within `reach` pixels to the left and right.
function windows(bytes, width, height, reach) {
  const [low, high] = [new Uint8Array(bytes.length), new Uint8Array(bytes.length)];
  for (let index = 0; index < bytes.length; index++) {
    const x = index % width;
    let [least, most] = [255, 0];
    for (let at = Math.max(0, x - reach); at <= Math.min(width - 1, x + reach); at++) {
      const label = bytes[index - x + at];
      if (label < least) least = label;
      if (label > most) most = label;
    }
    low[index] = least;
    high[index] = most;
  }
  return { low, high };
}

// The same above and below, of what `windows` found.
function spread(bytes, width, height, reach, better) {
  const found = new Uint8Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) {
    const y = Math.floor(index / width);
    let best = bytes[index];
    for (let at = Math.max(0, y - reach); at <= Math.min(height - 1, y + reach); at++) {
      best = better(best, bytes[index + (at - y) * width]);
    }
    found[index] = best;
  }
  return found;
}

// Where masks differ: the picture, and the share of the pixels on which they do. Masks of other sizes
// are compared at the first one's, by nearest neighbor.
function paintDifferences(masks) {
  const [first] = masks;
  const { width, height } = first;
  const fitted = masks.map((mask) => atSize(mask, width, height));
  const most = 1 - 1 / masks.length; // each says something else
  const colors = HEAT.map(bits);
  const counts = new Uint8Array(256);
  let differing = 0;
  const canvas = raster(width, height, (index) => {
    let votes = 0;
    for (const bytes of fitted) votes = Math.max(votes, ++counts[bytes[index]]);
    for (const bytes of fitted) counts[bytes[index]] = 0;
    if (votes === masks.length) return 0;
    differing++;
    const share = (1 - votes / masks.length) / most;
    return colors[Math.min(colors.length - 1, Math.floor(share * colors.length))];
  });
  return { raster: canvas, share: differing / (width * height) };
}

function atSize({ width, height, bytes }, wantedWidth, wantedHeight) {
  if (width === wantedWidth && height === wantedHeight) return bytes;
  const found = new Uint8Array(wantedWidth * wantedHeight);
  for (let y = 0; y < wantedHeight; y++) {
    const row = Math.floor(((y + 0.5) * height) / wantedHeight) * width;
    for (let x = 0; x < wantedWidth; x++) {
      found[y * wantedWidth + x] = bytes[row + Math.floor(((x + 0.5) * width) / wantedWidth)];
    }
  }
  return found;
}

// [color, path in pixels of the labels] per class that is painted, along its edges to other labels.
function outlinesOf({ width, height, bytes }, { classes }, off) {
  const paths = new Map();
  classes.forEach((info, label) => {
    if (info.filled && !off.includes(label)) paths.set(label, new Path2D());
  });
  const edge = (label, fromX, fromY, toX, toY) => {
    const path = paths.get(label);
    if (!path) return;
    path.moveTo(fromX, fromY);
    path.lineTo(toX, toY);
  };
  // Between two rows, or two columns, as one line as long as the labels on both sides stay the same.
  const along = (length, before, after, draw) => {
    let [start, one, other] = [0, -1, -1];
    for (let at = 0; at <= length; at++) {
      const [nextOne, nextOther] = at < length ? [bytes[before(at)], bytes[after(at)]] : [-1, -1];
      if (nextOne === one && nextOther === other) continue;
      if (one !== other) for (const label of [one, other]) draw(label, start, at);
      [start, one, other] = [at, nextOne, nextOther];
    }
  };
  for (let y = 1; y < height; y++) {
    const [above, below] = [(x) => (y - 1) * width + x, (x) => y * width + x];
    along(width, above, below, (label, from, to) => edge(label, from, y, to, y));
  }
  for (let x = 1; x < width; x++) {
    const [left, right] = [(y) => y * width + x - 1, (y) => y * width + x];
    along(height, left, right, (label, from, to) => edge(label, x, from, x, to));
  }
  return [...paths].map(([label, path]) => [classes[label].color, path]);
}
