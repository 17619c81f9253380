// What the stream has told of the runs, and the curves that are made of it: smoothed, and grouped.

const T_975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]; // 1, 2, ...
const BEYOND_T = (degrees) => 1.96 + 2.4 / degrees; // off by less than .01 from 11 degrees on

// Three tables of columns, "steps", "epochs" and "uses", as segengine/results/series.py declares them.
class RunData {
  constructor() {
    this.steps = {};
    this.epochs = {};
    this.uses = {};
    this.facts = { classes: [], steps: 0, images: 0, resumed: [] };
    this.status = null;
    this.offset = "";
  }

  // Takes the news of a run; returns the columns that have new points.
  learn(news) {
    this.status = news.status;
    if (news.reset) {
      this.facts = news.reset;
      this.steps = {};
      this.epochs = {};
      this.uses = {};
    }
    for (const table of ["steps", "epochs", "uses"]) append(this[table], news[table]);
    return new Set(["steps", "epochs", "uses"].flatMap((table) => Object.keys(news[table])));
  }

  get hasPoints() {
    return Boolean(this.steps.epoch?.length || this.epochs.epoch?.length);
  }

  get lastEpoch() {
    return Math.max(0, this.steps.epoch?.at(-1) ?? 0, this.epochs.epoch?.at(-1) ?? 0);
  }

  // The x of a table's rows in the unit that the charts have.
  xs(table, unit) {
    const { epoch = [], seconds = [] } = this[table];
    if (unit === "time") return seconds.map((value) => value / 60);
    const factor = this.perEpoch(unit);
    return factor === 1 ? epoch : epoch.map((value) => value * factor);
  }

  perEpoch(unit) {
    return unit === "step" ? this.facts.steps : unit === "images" ? this.facts.images : 1;
  }

  // {x, y} of a column without the rows that have nothing to say: an epoch that was not validated.
  curve(table, column, unit) {
    const values = this[table][column];
    if (!values) return { x: [], y: [] };
    const xs = this.xs(table, unit);
    const sparse = table === "epochs" && column.startsWith("val_");
    const validated = sparse ? this.epochs.val_miou : null;
    const kept = [...values.keys()].filter((row) => !sparse || validated[row] !== null);
    return { x: kept.map((row) => xs[row]), y: kept.map((row) => values[row]) };
  }

  // The column of a class that the run has at whatever place; "" where it has no such class.
  classColumn(prefix, name) {
    const label = this.facts.classes.findIndex((one) => one.name === name);
    return label < 0 ? "" : `${prefix}_${label}`;
  }
}

function append(table, news) {
  const before = table.epoch?.length ?? 0;
  const added = news.epoch?.length ?? 0;
  for (const [name, values] of Object.entries(news)) {
    (table[name] ??= new Array(before).fill(null)).push(...values);
  }
  for (const column of Object.values(table)) {
    while (column.length < before + added) column.push(null);
  }
}

// Exponential smoothing as TensorBoard's, without its pull towards 0 at the beginning; gaps stay.
function smoothed(values, weight) {
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value * (1 - weight);
    norm = norm * weight + (1 - weight);
    return sum / norm;
  });
}

// Runs -> groups {key, members, color, label} of those that have the same in `fields`, in the order
// of their first runs, whose colors they have. `titles`: field -> its name, of all fields in which
// the runs differ.
function groupsOf(runs, fields, titles) {
  const groups = new Map();
  for (const run of runs) {
    const key = JSON.stringify(fields.map((field) => run.config[field]));
    if (!groups.has(key)) {
      const named = fields.map((field) => `${titles[field] ?? field} ${run.config[field] ?? "-"}`);
      const label = named.join(", ") || "All runs";
      groups.set(key, { key: `group${groups.size}`, members: [], color: run.color, label });
    }
    groups.get(key).members.push(run);
  }
  return [...groups.values()];
}

// Mean and band of curves that share their x: {x, mean, low, high, n}; the band is null with one run.
// `band`: "sd" is the standard deviation (n - 1), "ci" the 95 % t interval of the mean.
function summary(curves, band) {
  const byX = new Map();
  for (const { at, x, y } of curves) {
    at.forEach((epoch, row) => {
      if (y[row] === null) return;
      const found = byX.get(epoch) ?? { xs: [], ys: [] };
      found.xs.push(x[row]);
      found.ys.push(y[row]);
      byX.set(epoch, found);
    });
  }
  const rows = [...byX.entries()].sort(([a], [b]) => a - b).map(([, found]) => found);
  const result = { x: [], mean: [], low: [], high: [], n: [] };
  for (const { xs, ys } of rows) {
    const n = ys.length;
    const mean = average(ys);
    const half = n > 1 ? halfWidth(ys, mean, band) : null;
    result.x.push(average(xs));
    result.mean.push(mean);
    result.low.push(half === null ? null : mean - half);
    result.high.push(half === null ? null : mean + half);
    result.n.push(n);
  }
  return result;
}

function halfWidth(values, mean, band) {
  const n = values.length;
  const sd = Math.sqrt(values.reduce((sum, y) => sum + (y - mean) ** 2, 0) / (n - 1));
  if (band === "sd") return sd;
  return ((T_975[n - 2] ?? BEYOND_T(n - 1)) * sd) / Math.sqrt(n);
}

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// {at, x, y} of a run for a group: `at` is what its runs share, the epoch. Steps, which are logged at
// other moments in each run, count as the mean of each epoch that is over.
function sharedCurve(run, table, column, unit) {
  if (table === "epochs") {
    const { x, y } = run.curve(table, column, unit);
    return { at: run.curve(table, column, "epoch").x, x, y };
  }
  const epochs = run.epochs.epoch ?? [];
  const xs = run.xs("epochs", unit);
  const values = run[table][column] ?? [];
  const sums = new Map();
  (run[table].epoch ?? []).forEach((position, row) => {
    if (values[row] === null) return;
    const [sum, n] = sums.get(Math.ceil(position)) ?? [0, 0];
    sums.set(Math.ceil(position), [sum + values[row], n + 1]);
  });
  const y = epochs.map((epoch) => (sums.has(epoch) ? sums.get(epoch)[0] / sums.get(epoch)[1] : null));
  return { at: epochs, x: xs, y };
}

// The row whose x is the nearest to `value`; -1 in an empty curve. `x` is ascending.
function nearest(x, value) {
  let [low, high] = [0, x.length - 1];
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] <= value) low = middle;
    else high = middle;
  }
  return Math.abs(x[low] - value) <= Math.abs(x[high] - value) ? low : high;
}
