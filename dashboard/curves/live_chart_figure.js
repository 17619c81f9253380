// Plotly's traces and layout for the live charts, as functions of what the stream has told.

const CURVES = {
  // curve: [axis suffix, split, line width in px, dash, opacity]
  step_loss: ["", "train", 1, "solid", 0.3],
  train_loss: ["", "train", 1.5, "dash", 1],
  val_loss: ["", "val", 2, "solid", 1],
  train_miou: ["2", "train", 1.5, "dash", 1],
  val_miou: ["2", "val", 2, "solid", 1],
};
const BEST = { best_loss: "", best_miou: "2" }; // mark of the best epoch: axis suffix
const DOTS_UP_TO = 60; // a longer curve is a line without dots
const OUTLIER = 20; // times the median: a larger loss would flatten all others on a linear axis
const STACK_BELOW = 760; // px of width under which the charts stand one above the other
const CONFIG = {
  displaylogo: false,
  // A list of our own: Plotly's default has a button that uploads the chart to its cloud.
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  toImageButtonOptions: { format: "svg", filename: "curves" },
};

// All traces of a run. `known`: {series, status} or undefined; `chart`: {hidden, root}.
function tracesOf(run, known, chart) {
  const shown = (split) => !chart.hidden.has(`${run.id}/${split}`);
  const background = themed(chart.root, "--st-background-color");
  return [
    ...Object.keys(CURVES).map((curve) => lineTrace(run, curve, known?.series[curve], shown)),
    ...Object.keys(BEST).map((curve) => bestTrace(run, curve, known, shown, background)),
  ];
}

// Plotly makes CSS selectors of it: letters, digits, - and _ only. Run ids hold no "--".
const uidOf = (id, curve) => `${id}--${curve}`;

// Plotly reads names as a small kind of HTML.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function lineTrace(run, curve, points, shown) {
  const [axis, split, width, dash, opacity] = CURVES[curve];
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
    line: { color: run.color, width, dash },
    marker: { color: run.color, size: 4 },
    opacity,
    connectgaps: false,
    showlegend: false,
    visible: shown(split),
    hoverinfo: isSteps ? "skip" : "all",
    hovertemplate: isSteps ? "" : `%{y:${axis ? ".3f" : "#.3~g"}}`,
  };
}

function bestTrace(run, curve, known, shown, background) {
  const [x, y] = bestPoint(known, curve);
  return {
    uid: uidOf(run.id, curve),
    x,
    y,
    xaxis: `x${BEST[curve]}`,
    yaxis: `y${BEST[curve]}`,
    mode: "markers",
    marker: {
      symbol: "diamond",
      size: 11,
      color: background,
      line: { color: run.color, width: 2 },
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

function layoutFor(root, note, scale) {
  const text = themed(root, "--st-text-color");
  const grid = themed(root, "--st-border-color");
  const stacked = root.clientWidth < STACK_BELOW;
  const left = stacked ? { x: [0, 1], y: [0.57, 1] } : { x: [0, 0.47], y: [0, 1] };
  const right = stacked ? { x: [0, 1], y: [0, 0.43] } : { x: [0.53, 1], y: [0, 1] };
  return {
    uirevision: "kept", // zoom stays, whatever is added
    width: root.clientWidth,
    height: stacked ? 720 : 400,
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
    xaxis: { ...axis("Epoch", left.x, "y", grid, note), ...epochAxis(text) },
    yaxis: {
      ...axis(scale === "log" ? "Loss (log scale)" : "Loss", left.y, "x", grid, note),
      type: scale,
      uirevision: scale, // a zoomed range means something else on the other scale
    },
    xaxis2: { ...axis("Epoch", right.x, "y2", grid, note), ...epochAxis(text), matches: "x" },
    yaxis2: axis("mIoU (0 to 1)", right.y, "x2", grid, note),
  };
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

function epochAxis(text) {
  return {
    rangemode: "tozero",
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

function themed(root, name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}
