// The table under the charts: one line per run, which is its legend and says how it is doing.

const NUMBER = "live-chart__number";
const COLUMNS = [
  // [title, class, field of the status that the cell shows, columns it spans, field shown below]
  ["Run", ""],
  ["Curves", "", "", 2],
  ["State", "live-chart__state-cell"],
  ["Epoch", NUMBER, "epoch"],
  ["Best mIoU", NUMBER, "best", 1, "best_epoch"],
  ["Training loss", NUMBER, "train_loss"],
  ["Validation loss", NUMBER, "val_loss"],
  ["Time left", `${NUMBER} live-chart__left`, "left"],
];

class LegendTable {
  // `toggle("run id/train")` hides or shows curves and says whether they are shown now.
  constructor(parent, toggle) {
    this.toggle = toggle;
    this.scroll = parent.appendChild(make("div", "live-chart__scroll"));
    this.foot = parent.appendChild(make("div", "live-chart__foot"));
    this.rows = new Map();
  }

  draw(runs, known, hidden) {
    this.scroll.replaceChildren();
    this.rows.clear();
    const table = this.scroll.appendChild(make("table"));
    const head = table.createTHead().insertRow();
    for (const [title, className, , span] of COLUMNS) {
      const cell = head.appendChild(make("th", className, title));
      cell.colSpan = span ?? 1;
    }
    const body = table.createTBody();
    for (const run of runs) {
      this.rows.set(run.id, this.row(body, run, hidden));
      const status = known.get(run.id)?.status;
      if (status) this.show(run.id, status);
    }
    this.footer(runs);
  }

  row(body, run, hidden) {
    const line = body.insertRow();
    const label = line.appendChild(make("td", "live-chart__run"));
    const dot = label.appendChild(make("span", "live-chart__dot"));
    dot.style.background = run.color;
    label.append(run.label, make("div", "live-chart__data", run.data));
    label.title = `${run.id}\n${run.data}`;
    for (const split of ["train", "val"]) {
      line.insertCell().append(this.button(run, split, !hidden.has(`${run.id}/${split}`)));
    }
    const cells = {
      line,
      shape: make("span", "live-chart__state"),
      word: make("span"),
      activity: make("span", "live-chart__activity"),
    };
    const state = line.appendChild(make("td", "live-chart__state-cell"));
    state.append(cells.shape, cells.word, cells.activity);
    for (const [, className, field, , below] of COLUMNS) {
      if (!field) continue;
      const cell = line.appendChild(make("td", className));
      cells[field] = cell.appendChild(make("span"));
      if (below) cells[below] = cell.appendChild(make("span", "live-chart__data"));
    }
    return cells;
  }

  button(run, split, shown) {
    const name = split === "train" ? "training" : "validation";
    const button = make("button");
    button.type = "button";
    button.innerHTML =
      `<svg width="28" height="8" aria-hidden="true"><line x1="0" x2="28" y1="4" y2="4" ` +
      `stroke-width="2" stroke-dasharray="${split === "train" ? "5 3" : ""}"/></svg>`;
    button.querySelector("line").style.stroke = run.color;
    button.append(name);
    button.title = `Show or hide the ${name} curves of ${run.label}. ${run.hints[split]}`;
    button.setAttribute("aria-pressed", String(shown));
    button.onclick = () =>
      button.setAttribute("aria-pressed", String(this.toggle(`${run.id}/${split}`)));
    return button;
  }

  show(id, status) {
    const row = this.rows.get(id);
    if (!row) return;
    setText(row.shape, status.shape);
    setText(row.word, status.state);
    setText(row.activity, status.activity);
    row.activity.title = status.activity;
    for (const field of COLUMNS.flatMap(([, , shown, , below]) => [shown, below])) {
      if (field) setText(row[field], status[field]);
    }
    if (row.state !== status.state) {
      row.state = status.state;
      row.shape.style.color = status.color;
      row.shape.className = `live-chart__state live-chart__state--${status.state}`;
    }
    this.message(row, status);
  }

  // Why it ended, in a line of its own.
  message(row, status) {
    if (status.message && !row.message) {
      const line = make("tr", "live-chart__message");
      row.message = line.insertCell();
      row.message.colSpan = COLUMNS.length + 1;
      row.line.after(line);
    } else if (!status.message && row.message) {
      row.message.parentElement.remove();
      row.message = null;
    }
    if (!row.message) return;
    setLinkedText(row.message, status.message);
    row.message.className = `live-chart__message--${status.state}`;
  }

  footer(runs) {
    const words = "Diamond: best epoch. Thin line: loss of single training steps.";
    const link = make("a", "", "Download CSV");
    link.href = `/api/series.csv?runs=${runs.map((run) => run.id).join()}`;
    link.download = "curves.csv";
    this.foot.replaceChildren(make("span", "", words), link);
  }
}
