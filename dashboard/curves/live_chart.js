// Two charts (loss, mIoU) and a table with one line per run, fed by one event stream.
//
// Streamlit calls the default function again at every rerun that changes `data`, and when the theme
// changes. The chart, its zoom, its hidden curves and its stream live on between the calls, in
// `parentElement.liveChart`. Traces and layout are in live_chart_figure.js, the table in
// live_chart_table.js; live_chart.py puts the files together.

const RETRY_MS = [500, 1000, 2000, 5000];

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
    this.known = new Map(); // run id -> {series, status, offset}, as the stream has told
    this.hidden = new Set(); // "run id/train" or "run id/val"
    this.failures = 0;
    this.queue = Promise.resolve(); // Plotly's calls, one after the other
    this.root = parent.appendChild(make("div", "live-chart"));
    this.figure = this.root.appendChild(make("div"));
    this.table = new LegendTable(this.root, (key) => this.toggle(key));
    this.resizeObserver = new ResizeObserver(() => this.fit());
    this.resizeObserver.observe(this.root);
    this.onVisibility = () => (document.hidden ? this.close() : this.open());
    document.addEventListener("visibilitychange", this.onVisibility);
  }

  update({ runs, plotly }) {
    this.plotly ??= loadPlotly(plotly);
    const changed = JSON.stringify(runs) !== JSON.stringify(this.runs);
    const ids = runs.map((run) => run.id);
    const otherRuns = String(ids) !== String(this.runs.map((run) => run.id));
    this.runs = runs;
    if (changed) {
      for (const id of this.known.keys()) if (!ids.includes(id)) this.known.delete(id);
      this.table.draw(runs, this.known, this.hidden);
    }
    this.redraw(); // also when only the theme changed
    if (otherRuns) {
      this.close();
      this.open();
    }
    return ++this.calls;
  }

  remove() {
    this.close();
    this.removed = true;
    this.resizeObserver.disconnect();
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.queue.then(() => window.Plotly?.purge(this.figure));
    this.root.remove();
  }

  // ---- the stream

  // A hidden tab keeps no stream open: browsers allow only six connections to a server.
  open() {
    if (this.source || this.removed || document.hidden || !this.runs.length) return;
    const ids = this.runs.map((run) => run.id);
    const offsets = ids.map((id) => this.known.get(id)?.offset ?? "");
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
    const added = [];
    let reset = false;
    for (const news of JSON.parse(message.data).runs) {
      reset ||= news.reset;
      added.push(...this.learn(news));
      this.table.show(news.id, news.status);
    }
    message.lastEventId.split(",").forEach((offset, i) => {
      const run = this.known.get(ids[i]);
      if (run) run.offset = offset;
    });
    if (reset || JSON.stringify(this.view()) !== this.drawnView) this.redraw();
    else if (added.length) this.extend(added);
    this.moveBestMarks();
  }

  // Returns [curve's uid, its new points] of what can be added to the chart as it is.
  learn(news) {
    const run = this.known.get(news.id) ?? { series: {} };
    this.known.set(news.id, run);
    run.status = news.status;
    if (news.reset) {
      run.series = news.series;
      return [];
    }
    return Object.entries(news.series).map(([curve, points]) => {
      const line = (run.series[curve] ??= { x: [], y: [] });
      line.x.push(...points.x);
      line.y.push(...points.y);
      return [uidOf(news.id, curve), points];
    });
  }

  // ---- drawing

  draw(action) {
    this.queue = this.queue
      .then(() => this.plotly)
      .then(() => (this.removed ? null : action()))
      .catch((error) => console.error("Curves could not be drawn.", error));
  }

  redraw() {
    this.drawnView = JSON.stringify(this.view());
    this.draw(() => {
      const traces = this.runs.flatMap((run) => tracesOf(run, this.known.get(run.id), this));
      const layout = layoutFor(this.root, this.view());
      const whole = Object.fromEntries(FIXED_AXES.map((name) => [name, layout[name].range]));
      for (const name of this.zoomedAxes()) layout[name].range = this.figure.layout[name].range;
      this.whole = whole;
      return window.Plotly.react(this.figure, traces, layout, configFor(() => this.showAll()));
    });
    this.draw(() => this.answerDoubleClicks());
  }

  // The axes on which a person zoomed: they show something else than we last asked for.
  zoomedAxes() {
    const drawn = this.figure.layout;
    return drawn ? FIXED_AXES.filter((a) => String(drawn[a].range) !== String(this.whole[a])) : [];
  }

  // Plotly's own reset goes back to the axes of the first drawing, when nothing was known yet.
  answerDoubleClicks() {
    if (this.answers) return;
    this.answers = true;
    this.figure.on("plotly_doubleclick", () => this.showAll());
  }

  showAll() {
    const ranges = FIXED_AXES.map((name) => [`${name}.range`, [...this.whole[name]]]);
    const update = { ...Object.fromEntries(ranges), "yaxis.autorange": true };
    this.draw(() => window.Plotly.relayout(this.figure, update));
  }

  extend(added) {
    this.draw(() => {
      const indices = [];
      const update = { x: [], y: [] };
      for (const [uid, { x, y }] of added) {
        const index = this.figure.data.findIndex((trace) => trace.uid === uid);
        if (index < 0) continue;
        indices.push(index);
        update.x.push(x);
        update.y.push(y);
      }
      return indices.length ? window.Plotly.extendTraces(this.figure, update, indices) : null;
    });
  }

  moveBestMarks() {
    this.draw(() => {
      const indices = [];
      const update = { x: [], y: [] };
      this.figure.data.forEach((trace, index) => {
        const [id, curve] = trace.uid.split("--");
        if (!(curve in BEST)) return;
        const [x, y] = bestPoint(this.known.get(id), curve);
        if (String(x) === String(trace.x) && String(y) === String(trace.y)) return;
        indices.push(index);
        update.x.push(x);
        update.y.push(y);
      });
      return indices.length ? window.Plotly.restyle(this.figure, update, indices) : null;
    });
  }

  fit() {
    const width = this.root.clientWidth;
    if (width && this.figure.layout && this.figure.layout.width !== width) this.redraw();
  }

  toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    this.redraw();
    return !this.hidden.has(key);
  }

  // What the axes depend on; `faint` are the runs whose steps are drawn faintly.
  view() {
    const known = this.runs.flatMap((run) => this.known.get(run.id) ?? []);
    return {
      note: this.note(),
      scale: lossScale(known),
      epochs: epochsOf(known),
      faint: known.map((run) => stepsAreFaint(run.series)),
    };
  }

  // What stands in empty charts; "" once there is a point, and before the server has answered.
  note() {
    const known = this.runs.map((run) => this.known.get(run.id)).filter((run) => run?.status);
    if (!known.length || known.some((run) => Object.keys(run.series).length)) return "";
    const active = known.some((run) => run.status.active);
    return active ? "Waiting for the first step" : "No step was recorded";
  }
}

function loadPlotly(version) {
  window.seglabPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `/api/plotly.min.js?v=${version}`;
    script.onload = resolve;
    script.onerror = () => {
      window.seglabPlotly = undefined;
      reject(new Error("Plotly could not be loaded: reload the page."));
    };
    document.head.appendChild(script);
  });
  return window.seglabPlotly;
}
