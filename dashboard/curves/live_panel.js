// One panel: its head with the name and the choices, its figure, and what the pointer reads there.

const HEIGHT = { large: 300, small: 168 }; // px of a figure
const NEAR = 0.04; // share of the axis: what lies farther from the pointer is not read
const MOST_READ = 24; // lines in the box beside the pointer

class Panel {
  constructor(declared, chart) {
    this.declared = declared;
    this.chart = chart;
    this.scale = "linear";
    this.lines = [];
    this.root = make("section", `live-panel${declared.small ? " live-panel--small" : ""}`);
    this.root.dataset.panel = declared.id;
    this.root.append(this.head(), (this.figure = make("div", "live-panel__figure")));
    this.cursor = this.root.appendChild(make("div", "live-panel__cursor"));
    this.figure.addEventListener("pointermove", (event) => this.point(event));
    this.figure.addEventListener("pointerleave", () => chart.pointAt(null));
    // While a person draws a zoom, the figure stands still.
    this.figure.addEventListener("pointerdown", () => (this.held = true));
    this.onUp = () => this.release();
    window.addEventListener("pointerup", this.onUp);
  }

  head() {
    const head = make("header", "live-panel__head");
    head.append(make("h3", "", this.declared.title));
    this.scaleChoice = head.appendChild(make("select"));
    this.scaleChoice.ariaLabel = `Scale of ${this.declared.title}`;
    for (const value of ["auto", "linear", "log"]) {
      this.scaleChoice.append(new Option(SCALES[value], value));
    }
    this.scaleChoice.onchange = () => this.chart.choose({ scale: [this.declared.id, this.scaleChoice.value] });
    const save = head.appendChild(make("select", "live-panel__save"));
    save.ariaLabel = `Save ${this.declared.title}`;
    for (const [value, word] of Object.entries(SAVED_AS)) save.append(new Option(word, value));
    save.onchange = () => {
      this.save(save.value);
      save.value = "";
    };
    return head;
  }

  get id() {
    return this.declared.id;
  }

  // What is drawn changed; it is drawn when the browser next draws, if the panel is in sight.
  touch() {
    this.dirty = this.anew = true;
  }

  // The same, where nothing but points came.
  append() {
    this.dirty = true;
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.chart.schedule();
  }

  draw() {
    const { chart, declared } = this;
    const width = this.figure.clientWidth;
    if (!this.dirty || !chart.inSight.has(this.root) || this.held || !width) return;
    this.dirty = false;
    const view = chart.view();
    const { traces, lines } = contentOf(declared, view, chart.color);
    this.lines = lines;
    if (!this.anew && !view.groups && this.grow(traces)) return;
    this.anew = false;
    const chosen = chart.state.scales[declared.id] ?? "auto";
    this.auto = autoScale(declared, lines);
    this.scale = chosen === "auto" ? this.auto : chosen;
    this.scaleChoice.value = chosen;
    const words = this.scale === "log" ? "Log scale, automatic" : "Linear scale";
    setText(this.scaleChoice.options[0], chosen === "auto" ? words : SCALES.auto);
    const frame = {
      width,
      height: declared.small ? HEIGHT.small : HEIGHT.large,
      scale: this.scale,
      zoomX: chart.zoomX,
      zoomY: chart.zoomY.get(declared.id),
      end: chart.axisEnd(),
      note: lines.length ? "" : chart.note(declared),
      colors: chart.colors(),
    };
    const layout = layoutOf(declared, view, frame);
    const config = { displayModeBar: false, doubleClick: false };
    window.Plotly.react(this.figure, traces, layout, config);
    this.listen();
    this.light(chart.lit);
  }

  // Let lines grow where they are; false where more than that is due. See live_growth.js.
  grow(traces) {
    const { data, _fullLayout } = this.figure;
    if (data?.length !== traces.length || autoScale(this.declared, this.lines) !== this.auto) return false;
    const changed = [];
    for (const [i, trace] of traces.entries()) {
      if (look(trace) !== look(data[i])) return false;
      if (trace.uid !== MARKED && trace.x.length === data[i].x.length) continue;
      const grown = new GrownTrace(this.figure, trace);
      if (!grown.fits(_fullLayout)) return false;
      changed.push([grown, data[i]]);
    }
    for (const [grown, drawn] of changed) grown.draw(_fullLayout, drawn);
    return true;
  }

  listen() {
    if (this.listens) return;
    this.listens = true;
    this.figure.on("plotly_relayout", (change) => this.chart.zoomed(this, change));
    this.figure.on("plotly_doubleclick", () => this.chart.resetZoom());
  }

  // ---- the pointer

  // The nearest point of any line to a place in the plot decides where the cursor stands.
  point(event) {
    const axis = this.figure._fullLayout?.xaxis;
    if (!axis || this.held) return;
    const place = event.clientX - this.figure.getBoundingClientRect().left - axis._offset;
    if (place < 0 || place > axis._length) return this.chart.pointAt(null);
    const wanted = axis.p2d(place);
    const found = this.lines.map((line) => line.x[nearest(line.x, wanted)]).filter(Number.isFinite);
    if (!found.length) return this.chart.pointAt(null);
    const at = found.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a));
    this.chart.pointAt(at, this, event);
  }

  // Draw the line of the cursor at an x of the axis; null takes it away.
  showCursor(at) {
    const axis = this.figure._fullLayout?.xaxis;
    const size = this.figure._fullLayout?._size;
    const place = at === null || !axis ? null : axis.d2p(at);
    const inside = place !== null && place >= -1 && place <= axis._length + 1;
    this.cursor.hidden = !inside;
    if (!inside) return;
    this.cursor.style.left = `${this.figure.offsetLeft + axis._offset + place}px`;
    this.cursor.style.top = `${this.figure.offsetTop + size.t}px`;
    this.cursor.style.height = `${size.h}px`;
  }

  // What every line says at an x, the largest value first: {id, label, color, split, value, n, x}.
  readings(at) {
    const axis = this.figure._fullLayout?.xaxis;
    const reach = axis ? Math.abs(axis.range[1] - axis.range[0]) * NEAR : 0;
    return this.lines
      .map((line) => {
        const row = nearest(line.x, at);
        const [x, value] = [line.x[row], line.y[row]];
        return { ...line, x, value, n: line.n?.[row], low: line.low?.[row], high: line.high?.[row] };
      })
      .filter((read) => Math.abs(read.x - at) <= reach)
      .sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
  }

  // Every line but those of one run, or of one group, steps back; null: none does.
  light(id) {
    const dim = (element, own) => element.classList.toggle("live-panel__dim", id !== null && !own);
    for (const trace of this.figure.querySelectorAll(`.trace:not(.trace${MARKED})`)) {
      dim(trace, trace.classList.toString().includes(`trace${id}--`));
    }
    const ids = this.figure.data?.find((trace) => trace.uid === MARKED)?.meta.ids;
    this.figure.querySelectorAll(`.trace${MARKED} .point`).forEach((mark, i) => dim(mark, ids[i] === id));
  }

  // ---- files

  save(kind) {
    const name = `seglab-${this.declared.id.replace(/[^a-z0-9]+/gi, "-")}`;
    if (kind === "csv") return saveText(`${name}.csv`, this.csv());
    const { text, background } = this.chart.colors();
    const layout = {
      ...this.figure.layout,
      title: { text: plain(this.declared.title), font: { size: 16, color: text } },
      margin: { l: 8, r: 16, t: 48, b: 8 },
      paper_bgcolor: background,
      width: 960,
      height: 540,
      showlegend: true,
      legend: { orientation: "h", y: -0.2 },
    };
    const labels = new Map(this.lines.map((line) => [`${line.id}/${line.split}`, line]));
    const data = this.figure.data.map((trace) => {
      const line = labels.get(`${trace.uid.split("--")[0]}/${trace.meta?.split}`);
      const named = line && trace.uid.split("--").length === 2 && !trace.meta.behind;
      return named ? { ...trace, name: plain(wordsForLine(line)), showlegend: true } : trace;
    });
    window.Plotly.downloadImage({ data, layout }, { format: kind, filename: name, scale: 2 });
  }

  csv() {
    const unit = UNITS[this.chart.state.unit].toLowerCase();
    const rows = this.lines.flatMap((line) =>
      line.x.map((x, row) => [line.label, line.split, x, line.y[row] ?? "", line.n?.[row] ?? ""]),
    );
    const head = ["run", "split", unit, this.declared.title, "n"];
    return [head, ...rows].map((cells) => cells.map(csvCell).join(",")).join("\n") + "\n";
  }

  remove() {
    window.removeEventListener("pointerup", this.onUp);
    this.chart.inSight.delete(this.root);
    window.Plotly?.purge(this.figure);
    this.root.remove();
  }
}

const SCALES = { auto: "Automatic scale", linear: "Linear scale", log: "Log scale" };
const SAVED_AS = { "": "Save", png: "PNG picture", svg: "SVG picture", csv: "CSV table" };
const SPLIT_WORDS = { train: "training", val: "validation", "": "" };

function wordsForLine({ label, split, n }) {
  const runs = n ? ` (n = ${Math.max(...n)})` : "";
  return `${label}${runs}${split ? ` ${SPLIT_WORDS[split]}` : ""}`;
}

// Plotly reads names as a small kind of HTML.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

// A cell that a spreadsheet neither splits nor computes.
function csvCell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function saveText(name, text) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// The box beside the pointer, one for all panels.
class Reading {
  constructor(parent) {
    this.root = parent.appendChild(make("div", "live-reading"));
    this.root.hidden = true;
  }

  show(panel, at, event, unit) {
    const read = panel?.readings(at) ?? [];
    this.root.hidden = !read.length;
    if (!read.length) return;
    const shown = read.slice(0, MOST_READ);
    this.root.replaceChildren(make("strong", "", wordsForX(at, unit)), ...shown.map((one) => this.row(one, panel)));
    if (read.length > shown.length) {
      this.root.append(make("em", "", `and ${read.length - shown.length} more`));
    }
    this.place(event);
  }

  row(read, panel) {
    const row = make("div", "live-reading__row");
    row.append(swatch(read.color, read.split), make("span", "live-reading__label", read.label));
    const { format } = panel.declared;
    const spread = read.n > 1 ? ` ± ${wordsFor((read.high - read.low) / 2, format)}` : "";
    const n = read.n ? ` (n = ${read.n})` : "";
    row.append(make("span", "live-reading__value", wordsFor(read.value, format) + spread + n));
    return row;
  }

  place(event) {
    const [width, height] = [this.root.offsetWidth, this.root.offsetHeight];
    const right = event.clientX + 16 + width < window.innerWidth;
    this.root.style.left = `${right ? event.clientX + 16 : event.clientX - 16 - width}px`;
    this.root.style.top = `${Math.max(8, Math.min(event.clientY - 16, window.innerHeight - height - 8))}px`;
  }
}

function swatch(color, split) {
  const line = make("span", `live-swatch live-swatch--${split || "val"}`);
  line.style.borderColor = color;
  return line;
}
