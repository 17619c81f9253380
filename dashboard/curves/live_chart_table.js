// The line under the charts of each run: its legend, and how it is doing.

const NUMBER = "live-chart__number";
const COLUMNS = [
  // [title, class, field of the status that the cell shows, columns it spans]
  ["Run", ""],
  ["Curves", "", "", 2],
  ["State", ""],
  ["Epoch", NUMBER, "epoch"],
  ["Best mIoU", NUMBER, "best"],
  ["Training loss", NUMBER, "train_loss"],
  ["Validation loss", NUMBER, "val_loss"],
  ["Time left", NUMBER, "left"],
];

class RunTable {
  // `toggle("run id/train")` hides or shows curves and says whether they are shown now.
  constructor(parent, toggle) {
    this.toggle = toggle;
    this.scroll = element(parent, "div", "live-chart__scroll");
    this.foot = element(parent, "div", "live-chart__foot");
    this.rows = new Map();
  }

  draw(runs, known, hidden) {
    this.scroll.replaceChildren();
    this.rows.clear();
    const table = element(this.scroll, "table");
    const head = element(element(table, "thead"), "tr");
    for (const [title, kind, , span] of COLUMNS) {
      const cell = element(head, "th", kind);
      cell.textContent = title;
      cell.colSpan = span ?? 1;
    }
    const body = element(table, "tbody");
    for (const run of runs) {
      this.rows.set(run.id, this.row(body, run, hidden));
      const status = known.get(run.id)?.status;
      if (status) this.show(run.id, status);
    }
    this.footer(runs);
  }

  row(body, run, hidden) {
    const line = element(body, "tr");
    const label = element(line, "td");
    label.textContent = run.label;
    label.title = run.id;
    element(label, "div", "live-chart__data").textContent = run.data;
    for (const split of ["train", "val"]) {
      this.button(element(line, "td"), run, split, !hidden.has(`${run.id}/${split}`));
    }
    const state = element(line, "td");
    const shape = element(state, "span", "live-chart__state");
    const cells = { shape, word: element(state, "span"), line };
    cells.doing = element(state, "span", "live-chart__doing");
    for (const [, kind, name] of COLUMNS) if (name) cells[name] = element(line, "td", kind);
    return cells;
  }

  button(cell, run, split, shown) {
    const name = split === "train" ? "training" : "validation";
    const button = element(cell, "button");
    button.type = "button";
    button.innerHTML =
      `<svg width="28" height="8" aria-hidden="true"><line x1="0" x2="28" y1="4" y2="4" ` +
      `stroke-width="2" stroke-dasharray="${split === "train" ? "5 3" : ""}"/></svg>`;
    button.querySelector("line").style.stroke = run.color;
    button.append(name);
    button.title = `Show or hide the ${name} curves of ${run.label}`;
    button.setAttribute("aria-pressed", String(shown));
    button.onclick = () =>
      button.setAttribute("aria-pressed", String(this.toggle(`${run.id}/${split}`)));
  }

  show(id, status) {
    const row = this.rows.get(id);
    if (!row) return;
    setText(row.shape, status.shape);
    setText(row.word, status.state);
    setText(row.doing, status.doing);
    for (const [, , name] of COLUMNS) if (name) setText(row[name], status[name]);
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
      const line = document.createElement("tr");
      line.className = "live-chart__message";
      row.message = element(line, "td");
      row.message.colSpan = COLUMNS.length + 1;
      row.line.after(line);
    } else if (!status.message && row.message) {
      row.message.parentElement.remove();
      row.message = null;
    }
    if (!row.message) return;
    setText(row.message, status.message);
    row.message.className = `live-chart__message--${status.state}`;
  }

  footer(runs) {
    this.foot.replaceChildren();
    element(this.foot, "span").textContent =
      "Diamond: best validation mIoU. Faint line: loss of single training steps.";
    const link = element(this.foot, "a");
    link.textContent = "Download CSV";
    link.href = `/api/series.csv?runs=${runs.map((run) => run.id).join()}`;
    link.download = "curves.csv";
  }
}
