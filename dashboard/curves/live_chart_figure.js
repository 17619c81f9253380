// Plotly's traces and layout for the live charts, as functions of what the stream has told.

const CURVES = {
  // curve: [axis suffix, split, line width in px, dash]
  step_loss: ["", "train", 1, "solid"],
  train_loss: ["", "train", 1.5, "dash"],
  val_loss: ["", "val", 2, "solid"],
  train_miou: ["2", "train", 1.5, "dash"],
  val_miou: ["2", "val", 2, "solid"],
};
const FAINT = 0.35; // opacity of the steps' losses behind the line of the epochs' losses
const BEST = { best_loss: "", best_miou: "2" }; // mark of the best epoch: axis suffix
const DOTS_UP_TO = 60; // a longer curve is a line without dots
const OUTLIER = 20; // times the median: a larger loss would flatten all others on a linear axis
const LONG = 50; // epochs
const STACK_BELOW = 760; // px of width under which the charts stand one above the other
const FIXED_AXES = ["xaxis", "xaxis2", "yaxis2"]; // whose ranges are ours, until a person zooms

function configFor(showAll) {
  const reset = { name: "Reset axes", icon: window.Plotly.Icons.home, click: showAll };
  return {
    displaylogo: false,
    doubleClick: false, // we answer it: see LiveChart.answerDoubleClicks
    // A list of our own: Plotly's default has a button that uploads the chart to its cloud.
    modeBarButtons: [["toImage", "zoom2d", "pan2d", reset]],
    toImageButtonOptions: { format: "svg", filename: "curves" },
  };
}

// All traces of a run. `known`: {series, status} or undefined; `chart`: {hidden, root}.
function tracesOf(run, known, chart) {
  const shown = (split) => !chart.hidden.has(`${run.id}/${split}`);
  const colors = {
    run: concrete(chart.root, run.color),
    background: themed(chart.root, "--st-background-color"),
  };
  const series = known?.series ?? {};
  return [
    ...Object.keys(CURVES).map((curve) => lineTrace(run, curve, series, shown, colors)),
    ...Object.keys(BEST).map((curve) => bestTrace(run, curve, known, shown, colors)),
  ];
}

// The loss of single steps is all there is to see until the epochs' losses make a line.
const stepsAreFaint = (series) => (series.train_loss?.x.length ?? 0) > 1;

// Plotly makes CSS selectors of it: letters, digits, - and _ only. Run ids hold no "--".
const uidOf = (id, curve) => `${id}--${curve}`;

// Plotly reads names as a small kind of HTML.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function lineTrace(run, curve, series, shown, colors) {
  const [axis, split, width, dash] = CURVES[curve];
  const points = series[curve];
  const isSteps = curve === "step_loss";
  const dots = !isSteps && (points?.x.length ?? 0) <= DOTS_UP_TO;
  return {
    uid: uidOf(run.id, curve),
    name: `${plain(run.label)} ${split}`,
    x: [...(points?.x ?? [])],
    y: [...(points?.y ?? [])],
    xaxis: `x${axis}`,
    yaxis: `y${axis}`,
    mode: dots ? "lines+markers" : "lines",
    line: { color: colors.run, width, dash },
    marker: { color: colors.run, size: 4 },
    opacity: isSteps && stepsAreFaint(series) ? FAINT : 1,
    connectgaps: false,
    showlegend: false,
    visible: shown(split),
    hoverinfo: isSteps ? "skip" : "all",
    hovertemplate: isSteps ? "" : `%{y:${axis ? ".3f" : "#.3~g"}}`,
  };
}

function bestTrace(run, curve, known, shown, colors) {
  const [x, y] = bestPoint(known, curve);
  return {
    uid: uidOf(run.id, curve),
    x,
    y,
    xaxis: `x${BEST[curve]}`,
    yaxis: `y${BEST[curve]}`,
    mode: "markers",
    cliponaxis: false,
    marker: {
      symbol: "diamond",
      size: 11,
      color: colors.background,
      line: { color: colors.run, width: 2 },
    },
    showlegend: false,
    visible: shown("val"),
    hoverinfo: "skip",
  };
}

// [[x], [y]] of the best epoch's mark in the loss or the mIoU chart, or [[], []].
function bestPoint(known, curve) {
  const marks = known?.status?.marks;
  const value = marks?.[curve === "best_miou" ? 1 : 2];
  return value == null ? [[], []] : [[marks[0]], [value]];
}

// "log" where an epoch's loss lies far above the others, as batch norm can make the first one.
function lossScale(known) {
  const curves = known.flatMap((run) => [run.series.train_loss, run.series.val_loss]);
  const values = curves.flatMap((points) => points?.y ?? []);
  const losses = values.filter(Number.isFinite).sort((a, b) => a - b);
  const median = losses[losses.length >> 1];
  return losses[0] > 0 && losses.at(-1) > OUTLIER * median ? "log" : "linear";
}

// Where the epoch axis ends, so that nothing moves while the points come: at the epochs planned. The
// beginning of a long training gets a half of them, or a half of that, to be seen at all.
function epochsOf(known) {
  const done = Math.max(...known.map((run) => lastEpoch(run.series)), 0);
  let end = Math.max(...known.map((run) => run.status?.epochs ?? 0), 1);
  while (end > LONG && done < end / 8) end = Math.ceil(end / 2);
  return Math.max(end, done);
}

function lastEpoch(series) {
  return Math.max(0, ...Object.values(series).map((points) => points.x.at(-1) ?? 0));
}

// `view`: {note, scale, epochs}, see LiveChart.view.
function layoutFor(root, { note, scale, epochs }) {
  const text = themed(root, "--st-text-color");
  const grid = themed(root, "--st-border-color");
  const stacked = root.clientWidth < STACK_BELOW;
  const left = stacked ? { x: [0, 1], y: [0.57, 1] } : { x: [0, 0.47], y: [0, 1] };
  const right = stacked ? { x: [0, 1], y: [0, 0.43] } : { x: [0.53, 1], y: [0, 1] };
  return {
    uirevision: "kept", // zoom stays, whatever is added
    width: root.clientWidth,
    height: heightFor(root, stacked),
    margin: { l: 8, r: 8, t: 24, b: 8 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: themed(root, "--st-background-color"),
    font: { family: themed(root, "--st-font"), size: 12, color: text },
    hovermode: "x unified",
    hoverlabel: {
      bgcolor: themed(root, "--st-secondary-background-color"),
      bordercolor: grid,
      font: { color: text },
    },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "#7f8a94", activecolor: text },
    annotations: note ? [annotation("", note), annotation("2", note)] : [],
    xaxis: { ...axis("Epoch", left.x, "y", grid, note), ...epochAxis(text, epochs) },
    yaxis: {
      ...axis(scale === "log" ? "Loss (log scale)" : "Loss", left.y, "x", grid, note),
      ...(scale === "log" ? { type: "log", tickformat: "~g" } : { rangemode: "nonnegative" }),
      uirevision: scale, // a zoomed range means something else on the other scale
    },
    xaxis2: { ...axis("Epoch", right.x, "y2", grid, note), ...epochAxis(text, epochs), matches: "x" },
    yaxis2: { ...axis("mIoU (0 to 1)", right.y, "x2", grid, note), range: [0, 1], dtick: 0.2 },
  };
}

// Large windows give the charts more room; the table below stays in sight.
function heightFor(root, stacked) {
  if (stacked) return 640;
  return Math.min(Math.max(400, window.innerHeight - 500), Math.max(400, root.clientWidth * 0.3));
}

function axis(title, domain, anchor, grid, note) {
  return {
    title: { text: title, standoff: 8, font: { size: 13 } },
    domain,
    anchor,
    gridcolor: grid,
    zeroline: false,
    linecolor: grid,
    showline: true,
    ticks: "outside",
    tickcolor: grid,
    showticklabels: !note,
    automargin: true,
    uirevision: "kept",
  };
}

function epochAxis(text, epochs) {
  return {
    range: [0, epochs * 1.015], // room for the mark of a best last epoch
    tickformat: ",d",
    ...(epochs <= 10 ? { dtick: 1 } : {}),
    unifiedhovertitle: { text: "Epoch %{x}" },
    showspikes: true, // the line of the unified hover
    spikecolor: text,
    spikethickness: 1,
    spikedash: "dot",
    spikemode: "across",
  };
}

function annotation(suffix, text) {
  const place = { xref: `x${suffix} domain`, yref: `y${suffix} domain`, x: 0.5, y: 0.5 };
  return { text, showarrow: false, font: { size: 14 }, opacity: 0.75, ...place };
}

// A color as Plotly understands it, from CSS that may depend on the theme.
function concrete(root, color) {
  const probe = root.appendChild(make("span"));
  probe.style.color = color;
  const concreteColor = getComputedStyle(probe).color;
  probe.remove();
  return concreteColor;
}

function themed(root, name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}
