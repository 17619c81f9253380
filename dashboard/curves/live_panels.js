// The panels that there are, and what Plotly draws in them.

const SHARE = [0, 1]; // range of scores
const NOT_BELOW_0 = { rangemode: "tozero", autorangeoptions: { minallowed: 0 } }; // as a band may be
const PANELS = {
  // id: {title, curves: [table, column, split], range, format of d3}
  loss: panel("Loss", [["steps", "loss", "train"], ...bothSplits("loss")], null, "#.3~g"),
  miou: panel("mIoU", bothSplits("miou"), SHARE),
  classes: { title: "IoU per class", perClass: "iou", splits: ["train", "val"] },
  boundary_iou: panel("Boundary IoU", [["epochs", "val_boundary_iou", "val"]], SHARE),
  boundary_classes: { title: "Boundary IoU per class", perClass: "boundary_iou", splits: ["val"] },
  dice: panel("Dice (F1)", bothSplits("dice"), SHARE),
  precision: panel("Precision", bothSplits("precision"), SHARE),
  recall: panel("Recall", bothSplits("recall"), SHARE),
  accuracy: panel("Pixel accuracy", bothSplits("accuracy"), SHARE),
  lr: panel("Learning rate", [["steps", "lr", ""]], null, "#.3~g"),
  images_per_second: panel("Images per second", [["steps", "images_per_second", ""]], null, ",.3~r"),
  epoch_seconds: panel("Seconds per epoch", [["epochs", "epoch_seconds", ""]], null, ",.3~r"),
  cpu: small("CPU in percent of a core", [["uses", "cpu", ""]]),
  memory: small("Memory in GB", [["uses", "memory", ""]]),
  gpu: small("GPU in percent", [["uses", "gpu", ""]]),
  gpu_memory: small("GPU memory in GB", [["uses", "gpu_memory", ""]]),
};
const FIRST_PANELS = ["loss", "miou", "classes", "lr"];
const UNITS = { epoch: "Epoch", step: "Step", images: "Images seen", time: "Minutes of training" };
const DASH = { train: "dash", val: "solid", "": "solid" };
const FAINT = 0.3; // opacity of what stands behind a line
const DOTS_UP_TO = 60; // a longer curve is a line without dots
const OUTLIER = 20; // times the median: a larger loss would flatten all others on a linear axis
const LONG = 50; // epochs
const MARKED = "marks"; // uid of the trace of all marks
const MARKS = {
  // what happened to a run -> [Plotly's symbol, the sign in the legend, its word]
  best: ["diamond-open", "◇", "best epoch"],
  resumed: ["triangle-right-open", "▷", "resumed"],
  finished: ["circle", "●", "finished"],
  early: ["star-square-open", "⊞", "stopped early by its own rule"],
  stopped: ["square", "■", "stopped"],
  failed: ["x-thin-open", "✕", "failed or crashed"],
};

function panel(title, curves, range, format = ".3f") {
  return { title, curves, range, format };
}

function small(title, curves) {
  return { ...panel(title, curves, null, ",.3~r"), small: true };
}

function bothSplits(score) {
  return [
    ["epochs", `train_${score}`, "train"],
    ["epochs", `val_${score}`, "val"],
  ];
}

// The panels behind an id of PANELS: one, or one per class that a run has.
function panelsFor(id, runs) {
  const declared = PANELS[id];
  if (!declared.perClass) return [{ id, ...declared }];
  const names = new Set(runs.flatMap((run) => run.facts.classes.map((one) => one.name)));
  return [...names].map((name) => ({
    id: `${id}:${name}`,
    title: `${declared.title.replace(" per class", "")}, ${name}`,
    curves: declared.splits.map((split) => ["epochs", [`${split}_${declared.perClass}`, name], split]),
    range: SHARE,
    format: ".3f",
    small: true,
  }));
}

// The name of a column in one run's tables: that of a class depends on the run.
function columnFor(run, column) {
  return Array.isArray(column) ? run.classColumn(...column) : column;
}

// Everything that a panel draws: {traces, lines}. `lines` are what the cursor reads: {id, label,
// color, split, x, y, n}. `view`: see LiveChart.view; `color` makes CSS colors concrete.
function contentOf(panel, view, color) {
  return view.groups ? groupedContent(panel, view, color) : singleContent(panel, view, color);
}

function singleContent(panel, view, color) {
  const [traces, lines, marks] = [[], [], []];
  for (const run of view.runs) {
    const data = view.data(run.id);
    const own = { id: run.id, label: run.label, color: color(run.color) };
    for (const [table, column, split] of panel.curves) {
      const points = data.curve(table, columnFor(data, column), view.unit);
      const isSteps = table === "steps" && split === "train"; // the loss of single steps
      if (!points.x.length || !view.shows(own.id, split)) continue;
      const behind = isSteps && (data.epochs.train_loss?.length ?? 0) > 1;
      const uid = uidOf(own.id, table, column);
      if (view.smooth && !behind) {
        traces.push(lineTrace(`${uid}--raw`, points, own.color, split, { behind: true }));
        points.y = smoothed(points.y, view.smooth);
      }
      const width = split === "val" ? 2 : isSteps ? 1 : 1.5;
      const dash = isSteps ? "solid" : DASH[split];
      const dots = table === "epochs" ? DOTS_UP_TO : 1;
      traces.push(lineTrace(uid, points, own.color, split, { behind, width, dash, dots }));
      if (!behind) lines.push({ ...own, split, ...points });
      if (table === "epochs" && split !== "train") {
        const epochs = data.curve(table, columnFor(data, column), "epoch").x;
        marks.push(...marksOf(data, { ...points, epochs }).map((mark) => ({ ...own, ...mark })));
      }
    }
  }
  if (marks.length) traces.push(markTrace(marks));
  return { traces, lines };
}

function groupedContent(panel, view, color) {
  const [traces, lines] = [[], []];
  for (const group of view.groups) {
    const own = { id: group.key, label: group.label, color: color(group.color) };
    const all = group.members.map((run) => view.data(run.id));
    for (const [table, column, split] of panel.curves) {
      if (table === "steps" && panel.curves.some(([other]) => other === "epochs")) continue;
      if (!view.shows(own.id, split)) continue;
      const curves = all.map((run) => sharedCurve(run, table, columnFor(run, column), view.unit));
      for (const curve of curves) if (view.smooth) curve.y = smoothed(curve.y, view.smooth);
      const uid = uidOf(own.id, table, column);
      curves.forEach((curve, member) => {
        if (curves.length < 2) return;
        traces.push(lineTrace(`${uid}--${member}`, curve, own.color, split, { behind: true }));
      });
      const { x, mean, low, high, n } = summary(curves, view.band);
      traces.push(bandTrace(`${uid}--band`, x, low, high, own.color));
      const points = { x, y: mean };
      traces.push(lineTrace(uid, points, own.color, split, { width: 2, dash: DASH[split], dots: DOTS_UP_TO }));
      lines.push({ ...own, split, ...points, n, low, high });
    }
  }
  return { traces, lines };
}

// Plotly makes CSS selectors of it: letters, digits, - and _ only.
function uidOf(id, table, column) {
  return `${id}--${table}-${String(column).replace(/[^A-Za-z0-9_]/g, (letter) => letter.codePointAt(0))}`;
}

// `dots`: the most points that are drawn as dots, too.
function lineTrace(uid, points, color, split, { behind, width = 1, dash = "solid", dots = 0 }) {
  return {
    uid,
    type: "scatter",
    x: points.x,
    y: points.y,
    mode: !behind && points.x.length <= dots ? "lines+markers" : "lines",
    line: { color, width, dash },
    marker: { color, size: 4 },
    opacity: behind ? FAINT : 1,
    connectgaps: false,
    hoverinfo: "skip",
    showlegend: false,
    meta: { split, behind: Boolean(behind) },
  };
}

// Between low and high, wherever two runs or more are.
function bandTrace(uid, x, low, high, color) {
  const rows = [...x.keys()].filter((row) => low[row] !== null);
  const back = [...rows].reverse();
  return {
    uid,
    type: "scatter",
    x: [...rows, ...back].map((row) => x[row]),
    y: [...rows.map((row) => high[row]), ...back.map((row) => low[row])],
    mode: "lines",
    line: { width: 0 },
    fill: "toself",
    fillcolor: color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.16)"),
    hoverinfo: "skip",
    showlegend: false,
    meta: { band: true },
  };
}

// One trace for the marks of all runs: each trace costs Plotly a millisecond at every redraw.
function markTrace(marks) {
  const each = (name) => marks.map((mark) => mark[name]);
  const color = each("color");
  return {
    uid: MARKED,
    type: "scatter",
    x: each("x"),
    y: each("y"),
    mode: "markers",
    cliponaxis: false,
    marker: { symbol: each("symbol"), size: 8, color, line: { color, width: 2 } },
    hoverinfo: "skip",
    showlegend: false,
    meta: { ids: each("id") },
  };
}

// Where on a validation curve something happened to the run: [{x, y, symbol}].
function marksOf({ status, facts }, points) {
  const marks = [];
  const put = (row, kind) => {
    const [x, y] = [points.x[row], points.y[row]];
    if (row >= 0 && y !== null) marks.push({ x, y, symbol: MARKS[kind][0] });
  };
  for (const epoch of facts.resumed) put(nearest(points.epochs, epoch), "resumed");
  if (status.end) put(points.x.length - 1, status.end);
  if (status.best_at) put(points.epochs.indexOf(status.best_at), "best");
  return marks;
}

// "log" where an epoch's loss lies far above the others, as batch norm can make the first one.
function autoScale(panel, lines) {
  if (panel.id !== "loss") return "linear";
  const values = lines.flatMap((line) => line.y).filter(Number.isFinite);
  values.sort((a, b) => a - b);
  const median = values[values.length >> 1];
  return values[0] > 0 && values.at(-1) > OUTLIER * median ? "log" : "linear";
}

// Where the x axis ends, so that nothing moves while the points come: at the epochs planned. The
// beginning of a long training gets a half of them, or a half of that, to be seen at all.
function axisEnd(runs, unit) {
  if (unit === "time") {
    const last = (run) => Math.max(0, run.xs("steps", unit).at(-1) ?? 0, run.xs("epochs", unit).at(-1) ?? 0);
    return Math.max(...runs.map(last), 0) || 1;
  }
  const done = Math.max(...runs.map((run) => run.lastEpoch), 0);
  let end = Math.max(...runs.map((run) => run.status?.epochs ?? 0), 1);
  while (end > LONG && done < end / 8) end = Math.ceil(end / 2);
  const factor = Math.max(...runs.map((run) => run.perEpoch(unit)), 0) || 1;
  return Math.max(end, done) * factor;
}

// `frame`: {width, height, scale, zoomX, zoomY, end, note, colors}; see Panel.draw.
function layoutOf(panel, view, frame) {
  const { text, grid, background } = frame.colors;
  const axis = {
    gridcolor: grid,
    zeroline: false,
    linecolor: grid,
    showline: true,
    ticks: "outside",
    tickcolor: grid,
    showticklabels: !frame.note,
    automargin: true,
  };
  const log = frame.scale === "log";
  const shown = frame.zoomX ?? [0, frame.end * 1.015]; // room for the mark of a best last epoch
  const whole = panel.range && !log && !frame.zoomY;
  const range = frame.zoomY ?? (whole ? [...panel.range] : null); // Plotly writes into it
  return {
    width: frame.width,
    height: frame.height,
    margin: { l: 8, r: 12, t: 8, b: 8 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: background,
    font: { family: frame.colors.font, size: 12, color: text },
    hovermode: false,
    showlegend: false,
    dragmode: "zoom",
    annotations: frame.note ? [centered(frame.note)] : [],
    xaxis: {
      ...axis,
      title: { text: panel.small ? "" : UNITS[view.unit], standoff: 6, font: { size: 12 } },
      range: shown,
      ...xTicks(view.unit, shown, panel.small ? 5 : 9),
    },
    yaxis: {
      ...axis,
      type: log ? "log" : "linear",
      minexponent: 6, // 0.0005, not 500µ
      ...(log ? { tickformat: "~g", nticks: 6 } : {}),
      ...(range ? { range } : log ? {} : NOT_BELOW_0),
      ...(whole ? { dtick: panel.small ? 0.5 : 0.2 } : {}),
    },
  };
}

// Epochs, steps and images are whole: between two of them a tick stands only where a person zoomed in.
function xTicks(unit, [start, end], most) {
  const span = end - start;
  if (unit === "time" || span < 2) return { tickformat: ",~r", nticks: most };
  return { tickformat: ",~d", ...(span <= most ? { dtick: 1 } : { nticks: most }) };
}

function centered(text) {
  const place = { xref: "x domain", yref: "y domain", x: 0.5, y: 0.5 };
  return { text, showarrow: false, font: { size: 13 }, opacity: 0.75, ...place };
}

// A number as Plotly's own axes would write it: d3's formats are not at hand.
function wordsFor(value, format) {
  if (value === null || value === undefined) return "not finite";
  if (format === ".3f") return value.toFixed(3);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value === 0 ? "0" : String(Number(value.toPrecision(3)));
}

function wordsForX(value, unit) {
  if (unit === "time") return durationWords(value * 60);
  const rounded = unit === "epoch" ? Number(value.toFixed(2)) : Math.round(value);
  return `${UNITS[unit]} ${rounded.toLocaleString("en-US")}`;
}

function durationWords(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.round(seconds)} s`;
}
