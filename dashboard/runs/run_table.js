// The table of runs. It asks the server for the lines in sight, again and again, and writes only
// what changed; rows are known by their run's id, so selection, filter and scroll position stay.

const TICK = 2000; // ms between two questions while nothing is pressed
const AHEAD = 20; // lines that are asked for above and below those in sight
const NARROW = 640; // px of a table that becomes cards; see the style sheet
const [ROW, CARD] = [52, 132]; // px a line is high

const tables = new WeakMap(); // parentElement -> Table

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component;
  let table = tables.get(parentElement);
  if (!table) tables.set(parentElement, (table = new Table(parentElement, data)));
  table.tell = (ids) => setStateValue("selected", ids);
  table.leave = (id) => setTriggerValue("opened", id);
  table.tellNews = () => setTriggerValue("news", Date.now());
  table.update(data);
}

class Table {
  constructor(parent, data) {
    this.data = data;
    this.memory = new Memory();
    this.selected = new Set(data.selected);
    this.rows = new Map(); // run id, or group -> its parts
    this.lines = new Map(); // index -> line, of the last answers
    this.heads = []; // cells of the head
    this.answer = null;
    this.build(parent);
    this.ask();
  }

  build(parent) {
    this.root = make("div", "runs");
    this.bar = new Bar(this);
    this.scroll = make("div", "scroll");
    this.table = make("table");
    this.columns = make("colgroup");
    this.head = make("thead").appendChild(make("tr"));
    this.body = make("tbody");
    this.above = make("tbody").appendChild(make("tr")).appendChild(make("td", "room"));
    this.below = make("tbody").appendChild(make("tr")).appendChild(make("td", "room"));
    this.table.append(
      this.columns,
      this.head.parentElement,
      this.above.closest("tbody"),
      this.body,
      this.below.closest("tbody"),
    );
    this.none = new Nothing(this);
    this.scroll.append(this.table);
    this.root.append(this.bar.root, this.scroll, this.none.root);
    parent.append(this.root);
    this.scroll.onscroll = () => this.scrolled();
    new ResizeObserver(() => this.scrolled()).observe(this.scroll);
    document.addEventListener("visibilitychange", () => this.look());
  }

  // Python drew the page again: after an action there may be news.
  update(data) {
    const poked = data.poke !== this.data.poke;
    this.data = data;
    if (poked) this.look();
  }

  // Ask at once, because something was done.
  look() {
    if (!this.root.isConnected || document.hidden) return;
    clearTimeout(this.timer);
    this.ask();
  }

  query() {
    const { columns, sort, descending, group, archived, closed } = this.memory;
    const query = { filter: this.bar.filter.value, archived: archived ? "1" : "0" };
    Object.assign(query, { sort, descending: descending ? "1" : "0", group });
    query.closed = closed.join("\n");
    if (columns) query.columns = columns.join(",");
    return query;
  }

  sight() {
    const high = this.high();
    const first = Math.floor(this.scroll.scrollTop / high);
    const count = Math.ceil((this.scroll.clientHeight || 600) / high) + 1;
    return { start: Math.max(0, first - AHEAD), count: count + 2 * AHEAD, first, last: first + count };
  }

  high() {
    return this.root.clientWidth && this.root.clientWidth <= NARROW ? CARD : ROW;
  }

  async ask() {
    const { start, count } = this.sight();
    const asked = new URLSearchParams({ ...this.query(), start, count });
    const same = String(asked) === this.asked;
    if (same && this.answer) asked.set("known", this.answer.token);
    const number = (this.number = (this.number ?? 0) + 1);
    try {
      const reply = await fetch(`/api/runs?${asked}`, { cache: "no-store" });
      if (number !== this.number) return; // a newer question is under way
      if (reply.status === 200) {
        const before = this.answer?.token;
        const asksAgain = asked.has("known");
        asked.delete("known");
        this.take(await reply.json(), String(asked));
        // Also where another question (a window of another height) was the first to be told.
        const isNews = before && (asksAgain || before !== this.answer.token);
        if (isNews && this.selected.size) this.tellNews(); // of runs that the page tells of
      }
    } catch {
      // The server is gone for a while: what was drawn stays.
    }
    if (number === this.number) this.askLater();
  }

  askLater() {
    clearTimeout(this.timer);
    const wait = this.answer?.unread ? 50 : TICK;
    this.timer = setTimeout(() => {
      if (!this.root.isConnected) return; // another page is open
      if (document.hidden) this.askLater();
      else this.ask();
    }, wait);
  }

  take(answer, asked) {
    if (answer.error) return;
    this.bar.say(answer.problem, answer.place);
    if (answer.problem) {
      if (!this.answer) this.answer = { ...answer, problem: "" };
      return; // the lines of the last filter that made sense stay
    }
    const members = [answer.total, answer.matched, answer.hidden].join();
    const others = this.members !== undefined && members !== this.members;
    this.members = members;
    [this.answer, this.asked] = [answer, asked];
    this.lines = new Map(answer.lines.map((line, index) => [answer.start + index, line]));
    this.draw();
    if (others || this.filterChanged) this.dropUnseen();
    this.filterChanged = false;
  }

  draw() {
    drawHead(this);
    this.drawLines();
    this.bar.draw();
    this.none.draw();
    this.showSelection();
  }

  drawLines() {
    const { count } = this.answer;
    const high = this.high();
    const indices = [...this.lines.keys()];
    const first = indices.length ? indices[0] : 0;
    const shown = new Set([...this.lines.values()].map(keyOf));
    for (const [key, parts] of this.rows) {
      if (!shown.has(key)) (parts.row.remove(), this.rows.delete(key));
    }
    indices.forEach((index, place) => {
      const line = this.lines.get(index);
      const key = keyOf(line);
      const build = line.id ? buildRow : buildGroup;
      if (!this.rows.has(key)) this.rows.set(key, build(this, line));
      const parts = this.rows.get(key);
      if (this.body.rows[place] !== parts.row) {
        this.body.insertBefore(parts.row, this.body.rows[place] ?? null);
      }
      parts.row.ariaRowIndex = index + 2;
      (line.id ? fillRow : fillGroup)(this, parts, line);
    });
    setHeight(this.above, first * high);
    setHeight(this.below, Math.max(0, count - first - indices.length) * high);
    this.table.ariaRowCount = count + 1;
  }

  scrolled() {
    if (!this.answer) return;
    const { first, last } = this.sight();
    const missing = (index) => index < this.answer.count && !this.lines.has(index);
    if (missing(first) || missing(last - 1) || missing(Math.floor((first + last) / 2))) this.look();
    else if (this.high() !== this.wasHigh) this.drawLines();
    this.wasHigh = this.high();
  }

  // --- Selection -------------------------------------------------------------------------------

  toggle(id, on, range) {
    if (range && this.last) return this.toggleRange(id, on);
    this.last = id;
    if (on) this.selected.add(id);
    else this.selected.delete(id);
    this.changed();
  }

  async toggleRange(id, on) {
    const ids = await this.ids();
    const [from, to] = [ids.indexOf(this.last), ids.indexOf(id)].sort((a, b) => a - b);
    if (from < 0) return;
    for (const one of ids.slice(from, to + 1)) {
      if (on) this.selected.add(one);
      else this.selected.delete(one);
    }
    this.last = id;
    this.changed();
  }

  async selectAll(on) {
    this.selected = new Set(on ? await this.ids() : []);
    this.changed();
  }

  // Nothing is stopped or deleted that cannot be seen.
  async dropUnseen() {
    if (!this.selected.size) return;
    const kept = await this.ids([...this.selected]);
    if (kept.length === this.selected.size) return;
    this.selected = new Set(kept);
    this.changed();
  }

  async ids(among) {
    const reply = await send("POST", "/api/runs/ids", { query: this.query(), among });
    return Array.isArray(reply.sent) ? reply.sent : [...this.selected];
  }

  changed() {
    this.showSelection();
    const [only] = this.selected.size === 1 ? this.selected : [];
    const parts = only && this.rows.get(only);
    if (parts) parts.row.scrollIntoView({ block: "nearest" }); // the table got lower
    this.tell([...this.selected]);
  }

  showSelection() {
    for (const [id, parts] of this.rows) {
      if (!parts.box) continue;
      parts.row.classList.toggle("selected", this.selected.has(id));
      parts.box.checked = this.selected.has(id);
    }
    this.root.classList.toggle("one", this.selected.size === 1);
    const { matched = 0 } = this.answer ?? {};
    if (this.all) {
      this.all.checked = matched > 0 && this.selected.size >= matched;
      this.all.indeterminate = this.selected.size > 0 && !this.all.checked;
    }
    this.bar.drawCount();
  }
}

function keyOf(line) {
  return line.id ?? `group ${line.group}`;
}

function setHeight(cell, height) {
  cell.colSpan = 1000;
  const row = cell.parentElement;
  if (row.hidden !== !height) row.hidden = !height;
  if (cell.height !== String(height)) cell.height = height;
}

// What the browser remembers: the columns, their order and how they are sorted. The filter lives as
// long as the tab.
class Memory {
  static KEY = "seglab_runs";

  constructor() {
    Object.assign(this, { columns: null, sort: "started", descending: true });
    Object.assign(this, { group: "", archived: false, closed: [] });
    try {
      Object.assign(this, JSON.parse(localStorage.getItem(Memory.KEY)));
    } catch {
      // Damaged, or not allowed: the usual table.
    }
    if (!Array.isArray(this.closed)) this.closed = [];
    if (this.columns && !Array.isArray(this.columns)) this.columns = null;
  }

  set(values) {
    Object.assign(this, values);
    try {
      localStorage.setItem(Memory.KEY, JSON.stringify(this));
    } catch {
      // Nothing is remembered, then.
    }
  }
}

// A request that changes something, or sends more than an address holds: {status, sent}.
async function send(method, address, content) {
  const headers = { "Content-Type": "application/json" };
  try {
    const reply = await fetch(address, { method, headers, body: JSON.stringify(content) });
    return { status: reply.status, sent: await reply.json() };
  } catch {
    return { status: 0, sent: { error: "The dashboard does not answer: nothing was changed." } };
  }
}
