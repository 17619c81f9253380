// Panels of curves and a table with one line per run, fed by one event stream.
//
// Streamlit calls the default function again at every rerun that changes `data`, and when the theme
// changes. The panels, their zoom and the stream live on between the calls, in
// `parentElement.liveChart`. The data are in live_data.js, what is drawn in live_panels.js, a panel
// in live_panel.js and how it grows in live_growth.js, the row above them in live_toolbar.js, the
// table in live_chart_table.js; live_chart.py puts the files together.

const RETRY_MS = [500, 1000, 2000, 5000];
const AFTER_RERUN_MS = 300;
const AT_ONCE_MS = 12; // of drawing in one go, before the browser gets its turn

export default function ({ data, parentElement }) {
  const chart = (parentElement.liveChart ??= new LiveChart(parentElement));
  const call = chart.update(data);
  return () => {
    // Streamlit may clean up after an older call when a newer one has taken over.
    if (chart.calls !== call) return;
    chart.remove();
    delete parentElement.liveChart;
  };
}

class LiveChart {
  constructor(parent) {
    this.calls = 0;
    this.runs = [];
    this.known = new Map(); // run id -> RunData
    this.state = rememberedState();
    this.alone = null; // id of the only run that is shown, if one was chosen
    this.lit = null; // id of the run, or the group, whose lines stand out
    this.zoomX = null;
    this.zoomY = new Map(); // panel id -> range
    this.panels = new Map();
    this.inSight = new Set(); // roots of panels
    this.failures = 0;
    this.color = (css) => this.concrete(css);
    this.root = parent.appendChild(make("div", "live-chart"));
    this.toolbar = new Toolbar(this.root, (changes) => this.choose(changes));
    this.alonePlace = this.root.appendChild(make("p", "live-chart__alone"));
    this.grid = this.root.appendChild(make("div", "live-grid"));
    this.table = new LegendTable(this.root, this);
    this.reading = new Reading(this.root);
    this.sights = new IntersectionObserver((entries) => this.see(entries), { rootMargin: "200px" });
    this.resizes = new ResizeObserver(() => this.fit());
    this.resizes.observe(this.root);
    this.listeners = [
      [document, "visibilitychange", () => (document.hidden ? this.close() : this.open())],
      [document, "pointerdown", (event) => this.closeMenus(event)],
      [document, "focusin", (event) => this.closeMenus(event)],
      [window, "seglab:light", (event) => this.light(event.detail, { tell: false })],
    ];
    for (const [target, name, heard] of this.listeners) target.addEventListener(name, heard);
  }

  update({ runs, fields, plotly }) {
    this.plotly ??= loadPlotly(plotly).then(() => (this.ready = true));
    this.plotly.then(() => this.touchAll());
    const ids = runs.map((run) => run.id);
    const otherRuns = String(ids) !== String(this.runs.map((run) => run.id));
    const changed = JSON.stringify([runs, fields]) !== JSON.stringify([this.runs, this.fields]);
    this.runs = runs;
    this.fields = fields;
    this.seen = null; // colors of the theme
    if (otherRuns) {
      for (const id of this.known.keys()) if (!ids.includes(id)) this.known.delete(id);
      for (const id of ids) if (!this.known.has(id)) this.known.set(id, new RunData());
      if (!ids.includes(this.alone)) this.alone = null;
      this.close();
      this.open();
    }
    if (changed) this.table.draw();
    this.arrange();
    // A rerun that writes the chosen runs into the address leaves out what only the browser knows.
    setTimeout(() => this.removed || remember(this.state), AFTER_RERUN_MS);
    return ++this.calls;
  }

  remove() {
    this.close();
    this.removed = true;
    this.resizes.disconnect();
    this.sights.disconnect();
    for (const [target, name, heard] of this.listeners) target.removeEventListener(name, heard);
    for (const panel of this.panels.values()) panel.remove();
    this.root.remove();
  }

  // ---- the stream

  // A hidden tab keeps no stream open: browsers allow only six connections to a server.
  open() {
    if (this.source || this.removed || document.hidden || !this.runs.length) return;
    const ids = this.runs.map((run) => run.id);
    const offsets = ids.map((id) => this.known.get(id).offset);
    const query = `runs=${ids.join()}&offsets=${offsets.join()}`;
    const source = (this.source = new EventSource(`/api/events?${query}`));
    source.onmessage = (message) => this.receive(message, ids);
    source.onopen = () => (this.failures = 0);
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      this.close();
      const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
      this.retry = setTimeout(() => this.open(), wait);
    };
  }

  close() {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  receive(message, ids) {
    const columns = new Set();
    let all = false;
    for (const news of JSON.parse(message.data).runs) {
      const run = this.known.get(news.id);
      if (!run) continue;
      const before = JSON.stringify([run.status?.end, run.status?.active]);
      for (const column of run.learn(news)) columns.add(column);
      const after = JSON.stringify([run.status.end, run.status.active]);
      all ||= Boolean(news.reset) || before !== after;
      this.table.show(news.id);
    }
    message.lastEventId.split(",").forEach((offset, i) => {
      const run = this.known.get(ids[i]);
      if (run) run.offset = offset;
    });
    const end = this.axisEnd();
    if (all || end !== this.drawnEnd) this.arrange();
    else this.append(columns);
    this.drawnEnd = end;
  }

  // ---- what a person chooses

  choose({ zoom, toggled, scale, ...changes }) {
    const { state } = this;
    if (zoom !== undefined) this.resetZoom();
    if (toggled) {
      const { hidden } = state;
      state.hidden = hidden.includes(toggled)
        ? hidden.filter((split) => split !== toggled)
        : [...hidden, toggled];
    }
    if (scale) {
      state.scales = { ...state.scales, [scale[0]]: scale[1] };
      this.zoomY.delete(scale[0]);
    }
    if ("unit" in changes && changes.unit !== state.unit) this.zoomX = null;
    Object.assign(state, changes);
    remember(state);
    if ("fields" in changes || "band" in changes) this.table.draw();
    this.arrange();
  }

  showAlone(id) {
    this.alone = this.alone === id ? null : id;
    this.table.draw();
    this.arrange();
  }

  light(id, { tell = true } = {}) {
    if (this.lit === id) return;
    this.lit = id;
    const group = this.groups()?.find((one) => one.members.some((run) => run.id === id));
    const drawn = this.alone === null && group ? group.key : id;
    const known = id === null || this.runs.some((run) => run.id === id) || group || /^group/.test(id);
    for (const panel of this.panels.values()) panel.light(known ? drawn : null);
    this.table.light(id);
    if (tell) window.dispatchEvent(new CustomEvent("seglab:light", { detail: id }));
  }

  zoomed(panel, change) {
    const range = (axis) => {
      const [low, high] = [change[`${axis}.range[0]`], change[`${axis}.range[1]`]];
      return low === undefined ? change[`${axis}.range`] : [low, high];
    };
    const [x, y] = [range("xaxis"), range("yaxis")];
    if (!x && !y) return;
    if (x) this.zoomX = [...x];
    if (y) this.zoomY.set(panel.id, [...y]);
    this.touchAll();
    this.showToolbar();
  }

  resetZoom() {
    this.zoomX = null;
    this.zoomY.clear();
    this.touchAll();
    this.showToolbar();
  }

  closeMenus(event) {
    for (const menu of this.root.querySelectorAll("details[open]")) {
      if (!event.composedPath().includes(menu)) menu.open = false;
    }
  }

  // ---- drawing

  groups() {
    return this.alone ? null : this.allGroups();
  }

  // One run is no group: it has a best epoch, and no band.
  allGroups() {
    if (!this.state.fields || this.runs.length < 2) return null;
    return groupsOf(this.runs, this.state.fields, this.fields);
  }

  // What the panels draw: {runs, groups, unit, smooth, band, data(id), shows(id, split)}.
  view() {
    const { hidden, unit, smooth, band } = this.state;
    return {
      runs: this.runs.filter((run) => !this.alone || run.id === this.alone),
      groups: this.groups(),
      unit,
      smooth,
      band,
      data: (id) => this.known.get(id),
      shows: (id, split) => !hidden.includes(split),
    };
  }

  axisEnd() {
    return axisEnd([...this.known.values()], this.state.unit);
  }

  // What stands in an empty panel; "" before the server has answered.
  note() {
    const known = [...this.known.values()].filter((run) => run.status);
    if (!known.length) return "";
    if (this.state.hidden.length === 2) return "Training and validation are hidden";
    if (known.some((run) => run.hasPoints)) return "Not logged yet";
    const active = known.some((run) => run.status.active);
    return active ? "Waiting for the first step" : "No step was recorded";
  }

  // Put up the panels that are to be there, in order, and draw all of them anew.
  arrange() {
    const known = [...this.known.values()];
    const wanted = Object.keys(PANELS).filter((id) => this.state.panels.includes(id));
    const declared = wanted.flatMap((id) => panelsFor(id, known));
    const ids = new Set(declared.map((one) => one.id));
    for (const [id, panel] of this.panels) {
      if (ids.has(id)) continue;
      this.sights.unobserve(panel.root);
      panel.remove();
      this.panels.delete(id);
    }
    for (const one of declared) {
      if (this.panels.has(one.id)) continue;
      const panel = new Panel(one, this);
      this.panels.set(one.id, panel);
      this.sights.observe(panel.root);
    }
    const roots = declared.map((one) => this.panels.get(one.id).root);
    if (roots.some((root, i) => this.grid.children[i] !== root)) this.grid.replaceChildren(...roots);
    const only = this.runs.find((run) => run.id === this.alone);
    this.alonePlace.hidden = !only;
    if (only) this.sayAlone(only);
    this.showToolbar();
    this.touchAll();
  }

  sayAlone(run) {
    const all = make("button", "", "Show all");
    all.onclick = () => this.showAlone(run.id);
    this.alonePlace.replaceChildren(`Only ${run.label} is shown.`, all);
  }

  showToolbar() {
    const isZoomed = Boolean(this.zoomX || this.zoomY.size);
    this.toolbar.show(this.state, this.fields, isZoomed, this.runs.length > 1);
  }

  touchAll() {
    for (const panel of this.panels.values()) panel.touch();
    this.schedule();
  }

  // Draw the new points of these columns in the panels that show them.
  append(columns) {
    for (const panel of this.panels.values()) {
      const shown = panel.declared.curves.map(([, column]) => column);
      const isTold = shown.some((column) =>
        Array.isArray(column)
          ? [...columns].some((name) => name.startsWith(`${column[0]}_`))
          : columns.has(column) || columns.has(column.replace(/^(train|val)_/, "")),
      );
      if (isTold) panel.append();
    }
    this.schedule();
  }

  // All that is due is drawn when the browser draws next; a part of it, if it is much.
  schedule() {
    if (this.planned || this.removed || !this.ready) return;
    this.planned = requestAnimationFrame(() => {
      this.planned = null;
      const begin = performance.now();
      for (const panel of this.panels.values()) {
        if (!panel.dirty || !this.inSight.has(panel.root) || panel.held) continue;
        panel.draw();
        if (performance.now() - begin > AT_ONCE_MS) break;
      }
      const due = (panel) => panel.dirty && this.inSight.has(panel.root) && !panel.held;
      if ([...this.panels.values()].some(due)) this.schedule();
    });
  }

  see(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.inSight.add(target);
      else this.inSight.delete(target);
    }
    this.schedule();
  }

  fit() {
    if (this.root.clientWidth === this.width) return;
    this.width = this.root.clientWidth;
    this.touchAll();
  }

  // The cursor at an x in all panels, and what the lines of one panel say there.
  pointAt(at, panel = null, event = null) {
    for (const one of this.panels.values()) one.showCursor(at);
    this.reading.show(panel, at, event, this.state.unit);
  }

  // A color as Plotly understands it, from CSS that may depend on the theme.
  concrete(css) {
    this.seen ??= new Map();
    if (!this.seen.has(css)) {
      const probe = this.root.appendChild(make("span"));
      probe.style.color = css;
      this.seen.set(css, getComputedStyle(probe).color);
      probe.remove();
    }
    return this.seen.get(css);
  }

  colors() {
    const style = getComputedStyle(this.root);
    const themed = (name) => style.getPropertyValue(name).trim();
    return {
      text: themed("--st-text-color"),
      grid: themed("--st-border-color"),
      background: themed("--st-background-color"),
      font: themed("--st-font"),
    };
  }
}

function loadPlotly(version) {
  window.seglabPlotly ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve();
    const src = `/api/plotly.min.js?v=${version}`;
    const begun = document.querySelector(`script[src="${src}"]`); // by the page itself
    const script = begun ?? document.createElement("script");
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => {
      window.seglabPlotly = undefined;
      script.remove();
      reject(new Error("Plotly could not be loaded: reload the page."));
    });
    if (!begun) document.head.append(Object.assign(script, { src }));
  });
  return window.seglabPlotly;
}
