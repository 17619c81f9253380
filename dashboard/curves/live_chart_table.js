// The table under the panels: one line per run, which is their legend and says how it is doing.

const NUMBER = "live-chart__number";
const COLUMNS = [
  // [title, class, field of the status that the cell shows, field shown below]
  ["Run", ""],
  ["State", "live-chart__state-cell"],
  ["Epoch", NUMBER, "epoch"],
  ["Best mIoU", NUMBER, "best", "best_epoch"],
  ["Training loss", NUMBER, "train_loss"],
  ["Validation loss", NUMBER, "val_loss"],
  ["Time left", `${NUMBER} live-chart__left`, "left"],
];

class LegendTable {
  // `chart`: the LiveChart whose runs, groups and data it shows.
  constructor(parent, chart) {
    this.chart = chart;
    this.scroll = parent.appendChild(make("div", "live-chart__scroll"));
    this.foot = parent.appendChild(make("div", "live-chart__foot"));
    this.rows = new Map();
  }

  draw() {
    const { chart } = this;
    this.scroll.replaceChildren();
    this.rows.clear();
    this.groupRows = [];
    const table = this.scroll.appendChild(make("table"));
    const head = table.createTHead().insertRow();
    for (const [title, className] of COLUMNS) head.appendChild(make("th", className, title));
    const body = table.createTBody();
    const groups = chart.allGroups();
    for (const group of groups ?? [{ members: chart.runs }]) {
      if (groups) this.groupRow(body, group);
      for (const run of group.members) {
        this.rows.set(run.id, this.row(body, run, Boolean(groups)));
        this.show(run.id);
      }
    }
    this.footer();
  }

  row(body, run, inGroup) {
    const line = body.insertRow();
    line.onpointerenter = () => this.chart.light(run.id);
    line.onpointerleave = () => this.chart.light(null);
    const label = line.appendChild(make("td", `live-chart__run${inGroup ? " live-chart__member" : ""}`));
    const dot = label.appendChild(make("span", "live-chart__dot"));
    dot.style.background = run.color;
    const name = label.appendChild(make("button", "live-chart__name", run.label));
    name.title = `Show ${run.label} alone, or all again\n${run.id}\n${run.hints.train}\n${run.hints.val}`;
    name.ariaPressed = String(this.chart.alone === run.id);
    name.onclick = () => this.chart.showAlone(run.id);
    label.append(make("div", "live-chart__data", run.data));
    const cells = {
      line,
      shape: make("span", "live-chart__state"),
      word: make("span"),
      activity: make("span", "live-chart__activity"),
    };
    const state = line.appendChild(make("td", "live-chart__state-cell"));
    state.append(cells.shape, cells.word, cells.activity);
    for (const [, className, field, below] of COLUMNS) {
      if (!field) continue;
      const cell = line.appendChild(make("td", className));
      cells[field] = cell.appendChild(make("span"));
      if (below) cells[below] = cell.appendChild(make("span", "live-chart__data"));
    }
    return cells;
  }

  groupRow(body, group) {
    const line = body.appendChild(make("tr", "live-chart__group"));
    line.onpointerenter = () => this.chart.light(group.key);
    line.onpointerleave = () => this.chart.light(null);
    const label = line.appendChild(make("td", "live-chart__run"));
    const dot = label.appendChild(make("span", "live-chart__dot"));
    dot.style.background = group.color;
    label.append(make("strong", "", group.label));
    line.append(make("td", "", `n = ${group.members.length}`), make("td"));
    const best = line.appendChild(make("td", NUMBER));
    const mean = best.appendChild(make("span"));
    best.append(make("span", "live-chart__data", "mean ± SD of the best"));
    line.append(make("td"), make("td"), make("td"));
    this.groupRows.push({ group, mean });
  }

  show(id) {
    const row = this.rows.get(id);
    const status = this.chart.known.get(id)?.status;
    if (!row || !status) return;
    setText(row.shape, status.shape);
    setText(row.word, status.state);
    setText(row.activity, status.activity);
    row.activity.title = status.activity;
    for (const field of COLUMNS.flatMap(([, , shown, below]) => [shown, below])) {
      if (field) setText(row[field], status[field]);
    }
    if (row.state !== status.state) {
      row.state = status.state;
      row.shape.style.color = status.color;
      row.shape.className = `live-chart__state live-chart__state--${status.state}`;
    }
    this.message(row, status);
    for (const { group, mean } of this.groupRows) setText(mean, this.meanOfBest(group));
  }

  meanOfBest(group) {
    const statuses = group.members.map((run) => this.chart.known.get(run.id)?.status);
    const values = statuses.map((status) => status?.best_miou).filter(Number.isFinite);
    if (!values.length) return "";
    const mean = average(values);
    if (values.length < 2) return mean.toFixed(3);
    return `${mean.toFixed(3)} ± ${halfWidth(values, mean, "sd").toFixed(3)}`;
  }

  light(id) {
    for (const [run, row] of this.rows) row.line.classList.toggle("live-chart__lit", run === id);
  }

  // Why it ended, in a line of its own.
  message(row, status) {
    if (status.message && !row.message) {
      const line = make("tr", "live-chart__message");
      row.message = line.insertCell();
      row.message.colSpan = COLUMNS.length;
      row.line.after(line);
    } else if (!status.message && row.message) {
      row.message.parentElement.remove();
      row.message = null;
    }
    if (!row.message) return;
    setLinkedText(row.message, status.message);
    row.message.className = `live-chart__message--${status.state}`;
  }

  footer() {
    const signs = Object.values(MARKS).map(([, sign, word]) => `${sign} ${word}`);
    const words = `On the validation curves: ${signs.join(", ")}.`;
    const link = make("a", "", "Download CSV");
    link.href = `/api/series.csv?runs=${this.chart.runs.map((run) => run.id).join()}`;
    link.download = "curves.csv";
    this.foot.replaceChildren(make("span", "", words), link);
  }
}
