// Above the table: the filter, how many runs it shows, and which columns, groups and archived ones.

const TYPING = 250; // ms after the last letter, until the filter is applied
const FILTER_KEY = "seglab_runs_filter";

class Bar {
  constructor(table) {
    this.table = table;
    this.root = make("div", "head");
    const bar = make("div", "bar");
    this.filter = make("input", "filter");
    Object.assign(this.filter, { type: "search", placeholder: "Filter runs", spellcheck: false });
    this.filter.title =
      "Words, and conditions such as: arch = unet and best_miou > 0.6 and tag = baseline";
    this.filter.setAttribute("aria-label", "Filter runs: words and conditions");
    this.filter.value = sessionStorage.getItem(FILTER_KEY) ?? "";
    this.filter.oninput = () => this.typed();
    this.count = make("output");
    this.group = this.buildGroup();
    this.archived = this.buildArchived();
    this.menu = new ColumnMenu(table);
    this.problem = make("p", "problem");
    this.problem.setAttribute("role", "alert");
    this.problem.hidden = true;
    const gap = make("span", "gap");
    bar.append(this.filter, this.count, gap, this.group.root, this.archived.root, this.menu.root);
    this.root.append(bar, this.problem);
  }

  buildGroup() {
    const root = make("label", "choice", "Group by ");
    const select = make("select");
    select.onchange = () => {
      this.table.memory.set({ group: select.value, closed: [] });
      this.table.scroll.scrollTop = 0;
      this.table.look();
    };
    root.append(select);
    return { root, select };
  }

  buildArchived() {
    const root = make("label", "choice switch");
    const box = make("input");
    box.type = "checkbox";
    box.checked = Boolean(this.table.memory.archived);
    box.onchange = () => {
      this.table.memory.set({ archived: box.checked });
      this.table.filterChanged = true;
      this.table.look();
    };
    const words = make("span", "", "Archived");
    root.append(box, words);
    return { root, box, words };
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.apply(), TYPING);
  }

  apply() {
    sessionStorage.setItem(FILTER_KEY, this.filter.value);
    this.table.filterChanged = true;
    this.table.scroll.scrollTop = 0;
    this.table.look();
  }

  clear() {
    this.filter.value = "";
    this.filter.focus();
    this.apply();
  }

  // A sentence; for a filter that makes no sense with the place that it is about.
  say(sentence, place) {
    const text = this.filter.value;
    const key = sentence && JSON.stringify([sentence, place && [text, place]]);
    this.filter.setAttribute("aria-invalid", String(Boolean(place)));
    if (this.problem.dataset.key === key) return;
    this.problem.dataset.key = key;
    this.problem.hidden = !sentence;
    this.problem.textContent = sentence;
    if (!place) return;
    const [letters, shown] = [[...text], make("code")];
    const part = (from, to) => letters.slice(from, to).join("");
    shown.append(part(0, place[0]), make("mark", "", part(...place)), part(place[1]));
    this.problem.append(shown);
  }

  draw() {
    const { hidden } = this.table.answer;
    setText(this.archived.words, hidden ? `Archived (${hidden.toLocaleString("en")})` : "Archived");
    this.menu.draw();
    this.drawGroups();
    this.drawCount();
  }

  drawGroups() {
    const { select } = this.group;
    const groups = this.menu.catalog.filter((column) => column.groups);
    const key = groups.map(({ key }) => key).join();
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      const state = { key: "state", title: "State" };
      const none = { key: "", title: "nothing" };
      select.replaceChildren(
        ...[none, state, ...groups].map(({ key, title }) => new Option(title, key)),
      );
    }
    if (select.value !== this.table.memory.group) select.value = this.table.memory.group;
  }

  drawCount() {
    const { answer, selected } = this.table;
    if (!answer) return;
    const { total, matched, unread, disk } = answer;
    const runs = total === 1 ? "1 run" : `${total.toLocaleString("en")} runs`;
    const parts = [matched === total ? runs : `${matched.toLocaleString("en")} of ${runs}`];
    if (selected.size) parts.push(`${selected.size.toLocaleString("en")} selected`);
    const whole = [parts.join(", ")];
    whole.push(unread ? `reading ${unread.toLocaleString("en")} more` : `${disk} on disk`);
    setText(this.count, whole.join(" · "));
  }
}

// Which columns stand in the table, and in which order.
class ColumnMenu {
  constructor(table) {
    this.table = table;
    this.catalog = [];
    this.root = make("details", "menu");
    const summary = make("summary", "", "Columns");
    this.panel = make("div", "panel");
    this.search = make("input");
    Object.assign(this.search, { type: "search", placeholder: "Find a column" });
    this.search.setAttribute("aria-label", "Find a column");
    this.search.oninput = () => this.drawPanel();
    this.list = make("div", "list");
    this.usual = make("button", "quiet", "Usual columns");
    this.usual.type = "button";
    this.usual.onclick = () => this.choose(null);
    this.panel.append(this.search, this.list, this.usual);
    this.root.append(summary, this.panel);
    this.root.ontoggle = () => this.drawPanel();
    this.root.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      this.root.open = false;
      summary.focus();
    };
    const close = (event) => {
      if (!event.composedPath().includes(this.root)) this.root.open = false;
    };
    document.addEventListener("pointerdown", close);
    this.load();
  }

  async load() {
    try {
      this.catalog = await (await fetch("/api/runs/columns")).json();
    } catch {
      return; // asked again when the page is opened again
    }
    if (this.table.answer) this.table.bar.draw();
  }

  chosen() {
    return this.table.memory.columns ?? this.table.answer.columns.map(({ key }) => key);
  }

  choose(columns) {
    this.table.memory.set({ columns });
    this.pending = true;
    this.table.look();
  }

  draw() {
    if (this.pending || this.root.open) this.drawPanel();
    this.pending = false;
  }

  drawPanel() {
    if (!this.root.open || !this.table.answer) return;
    const chosen = this.chosen();
    const word = this.search.value.trim().toLowerCase();
    const byKey = new Map(this.catalog.map((column) => [column.key, column]));
    const others = this.catalog.filter(({ key }) => !chosen.includes(key));
    const shown = [...chosen.map((key) => byKey.get(key)).filter(Boolean), ...others].filter(
      ({ title, key }) => title.toLowerCase().includes(word) || key.includes(word),
    );
    const key = JSON.stringify([chosen, shown.map((column) => column.key)]);
    if (this.list.dataset.key === key) return;
    this.list.dataset.key = key;
    const focused = this.list.getRootNode().activeElement?.dataset?.act;
    this.list.replaceChildren(...shown.map((column) => this.item(column, chosen)));
    if (focused) this.list.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
    this.usual.disabled = !this.table.memory.columns;
  }

  item({ key, title }, chosen) {
    const item = make("div", "item");
    const label = make("label");
    const box = make("input");
    Object.assign(box, { type: "checkbox", checked: chosen.includes(key) });
    box.dataset.act = `pick ${key}`;
    box.onchange = () =>
      this.choose(box.checked ? [...chosen, key] : chosen.filter((other) => other !== key));
    label.append(box, title);
    item.append(label);
    if (!box.checked) return item;
    const place = chosen.indexOf(key);
    for (const [step, sign, words] of [
      [-1, "↑", "left"],
      [1, "↓", "right"],
    ]) {
      const button = make("button", "quiet", sign);
      Object.assign(button, { type: "button", title: `Move ${title} ${words}` });
      button.setAttribute("aria-label", `Move ${title} ${words}`);
      button.dataset.act = `${words} ${key}`;
      button.disabled = !(place + step in chosen);
      button.onclick = () => {
        const moved = [...chosen];
        [moved[place], moved[place + step]] = [moved[place + step], moved[place]];
        this.choose(moved);
      };
      item.append(button);
    }
    return item;
  }
}

// What stands in place of lines where there are none.
class Nothing {
  constructor(table) {
    this.table = table;
    this.root = make("div", "none");
    this.words = make("span");
    this.button = make("button", "quiet");
    this.button.type = "button";
    this.root.append(this.words, this.button);
    this.root.hidden = true;
  }

  draw() {
    const { matched, total, hidden, unread } = this.table.answer;
    this.root.hidden = matched > 0 || unread > 0;
    const filter = this.table.bar.filter.value.trim();
    if (total || filter) {
      setText(this.words, `No run fits this filter${hidden ? " among those shown" : ""}.`);
      setText(this.button, "Clear the filter");
      this.button.onclick = () => this.table.bar.clear();
    } else {
      setText(this.words, "All runs are archived.");
      setText(this.button, "Show archived runs");
      this.button.onclick = () => this.table.bar.archived.box.click();
    }
  }
}
