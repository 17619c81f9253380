// The rail: a line per run with its dot, its name, its state and its best score, and an eye that shows
// or hides it. Shown runs stand first, in an order that a person drags; hovering one lights it on the
// page ("seglab:light"). Streamlit calls the default function again at every rerun.

const ASK_MS = 2000; // between two questions for the states of runs at work

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const rail = (parentElement.rail ??= new Rail(parentElement));
  rail.tell = (ids) => setStateValue("chosen", ids);
  const call = rail.update(data);
  return () => {
    if (rail.calls !== call) return;
    rail.remove();
    delete parentElement.rail;
  };
}

class Rail {
  constructor(parent) {
    this.calls = 0;
    this.rows = new Map();
    this.root = parent.appendChild(make("nav", "rail"));
    this.root.ariaLabel = "Runs";
    this.search = this.root.appendChild(make("input"));
    Object.assign(this.search, { type: "search", placeholder: "Search runs", ariaLabel: "Search runs" });
    this.search.oninput = () => this.filter();
    this.sweeps = this.root.appendChild(make("select"));
    this.sweeps.ariaLabel = "Sweep";
    this.sweeps.onchange = () => this.filter();
    this.together = this.root.appendChild(make("button", "rail__together"));
    this.together.onclick = () => this.tell(this.listed().slice(0, this.data.limit));
    this.list = this.root.appendChild(make("ul"));
    this.foot = this.root.appendChild(make("p", "rail__foot"));
    this.list.addEventListener("dragover", (event) => this.drag(event));
    this.list.addEventListener("drop", (event) => event.preventDefault());
    this.onLight = (event) => this.light(event.detail);
    window.addEventListener("seglab:light", this.onLight);
    this.timer = setInterval(() => this.ask(), ASK_MS);
  }

  update(data) {
    if (JSON.stringify(data) !== JSON.stringify(this.data)) {
      this.data = data;
      this.draw();
    }
    return ++this.calls;
  }

  remove() {
    clearInterval(this.timer);
    window.removeEventListener("seglab:light", this.onLight);
    this.root.remove();
  }

  get shown() {
    return this.data.runs.filter((run) => run.dot).map((run) => run.id);
  }

  draw() {
    const focused = document.activeElement?.closest?.("[data-run]")?.dataset.run;
    const wasEye = document.activeElement?.classList.contains("rail__eye");
    this.rows.clear();
    this.list.replaceChildren(...this.data.runs.map((run) => this.row(run)));
    const row = focused && this.rows.get(focused);
    if (row && wasEye) row.eye.focus();
    const { runs, total } = this.data;
    const more = total > runs.length ? `The newest ${runs.length} of ${total.toLocaleString("en-US")}.` : "";
    setText(this.foot, more);
    this.drawSweeps();
    this.filter();
  }

  row(run) {
    const line = make("li", `rail__run${run.dot ? " rail__run--shown" : ""}`);
    line.dataset.run = run.id;
    const dot = make("span", "rail__dot");
    if (run.dot) dot.style.background = run.dot;
    const name = make("a", "rail__name", run.label);
    name.href = `/run?id=${run.id}`;
    name.target = "_self";
    name.title = `${run.label}\n${run.id}`;
    name.draggable = false;
    const state = make("span", "rail__state");
    const word = make("span", "rail__word");
    const best = make("span", "rail__best");
    const facts = make("span", "rail__facts");
    facts.append(state, word, best);
    const eye = make("button", "rail__eye");
    eye.innerHTML = run.dot ? EYE : CLOSED_EYE;
    eye.ariaPressed = String(Boolean(run.dot));
    eye.ariaLabel = eye.title = `${run.dot ? "Hide" : "Show"} ${run.label}`;
    eye.onclick = () => this.toggle(run);
    line.append(dot, name, eye, facts);
    line.onpointerenter = () => this.tellLight(run.dot ? run.id : null);
    line.onpointerleave = () => this.tellLight(null);
    if (run.dot) this.makeDraggable(line);
    this.rows.set(run.id, { line, state, word, best, eye });
    this.show(run);
    return line;
  }

  show(run) {
    const row = this.rows.get(run.id);
    setText(row.state, run.shape);
    row.state.style.color = run.color;
    row.state.className = `rail__state rail__state--${run.state}`;
    setText(row.word, run.state);
    setText(row.best, run.best);
    row.best.title = "Best validation mIoU";
  }

  toggle(run) {
    const shown = this.shown.filter((id) => id !== run.id);
    if (!run.dot && shown.length >= this.data.limit) {
      setText(this.foot, `This page has room for ${this.data.limit} runs: hide one first.`);
      return;
    }
    this.tell(run.dot ? shown : [...shown, run.id]);
  }

  // ---- order

  makeDraggable(line) {
    line.draggable = true;
    line.title = "Drag to change the order, or press Alt with an arrow key";
    line.addEventListener("dragstart", (event) => {
      this.dragged = line;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", line.dataset.run);
    });
    line.addEventListener("dragend", () => {
      this.dragged = null;
      this.tellOrder();
    });
    line.addEventListener("keydown", (event) => this.moveByKey(event, line));
  }

  drag(event) {
    const over = event.target.closest?.(".rail__run--shown");
    if (!this.dragged || !over || over === this.dragged) return;
    event.preventDefault();
    const { top, height } = over.getBoundingClientRect();
    if (event.clientY < top + height / 2) over.before(this.dragged);
    else over.after(this.dragged);
  }

  moveByKey(event, line) {
    if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const other = event.key === "ArrowUp" ? line.previousElementSibling : line.nextElementSibling;
    if (!other?.classList.contains("rail__run--shown")) return;
    if (event.key === "ArrowUp") other.before(line);
    else other.after(line);
    this.rows.get(line.dataset.run).eye.focus();
    this.tellOrder();
  }

  tellOrder() {
    const lines = [...this.list.querySelectorAll(".rail__run--shown")];
    const order = lines.map((line) => line.dataset.run);
    if (String(order) !== String(this.shown)) this.tell(order);
  }

  // ---- sweeps and search

  // The runs of a sweep as one: to list them alone, and to show them together.
  drawSweeps() {
    const names = [...new Set(this.data.runs.map((run) => run.sweep).filter(Boolean))];
    const chosen = this.sweeps.value;
    this.sweeps.hidden = !names.length;
    const all = new Option("All runs", "");
    this.sweeps.replaceChildren(all, ...names.map((name) => new Option(name, name)));
    this.sweeps.value = names.includes(chosen) ? chosen : "";
  }

  listed() {
    return this.data.runs.filter((run) => !this.rows.get(run.id).line.hidden).map((run) => run.id);
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const sweep = this.sweeps.value;
    for (const run of this.data.runs) {
      const text = `${run.label} ${run.id} ${run.state} ${run.sweep}`.toLowerCase();
      const found = words.every((word) => text.includes(word)) && (!sweep || run.sweep === sweep);
      this.rows.get(run.id).line.hidden = !found;
    }
    const listed = this.listed();
    const count = Math.min(listed.length, this.data.limit);
    const are = String(listed.slice(0, count)) === String(this.shown);
    this.together.hidden = !sweep || !count;
    this.together.disabled = are;
    const some = listed.length > count ? `the first ${count} of these ${listed.length}` : `these ${count}`;
    const runs = count === 1 ? "this run" : `${some} runs`;
    const said = are ? `${runs} ${count === 1 ? "is" : "are"} shown alone` : `Show ${runs} alone`;
    setText(this.together, said[0].toUpperCase() + said.slice(1));
  }

  // ---- what else happens

  tellLight(id) {
    window.dispatchEvent(new CustomEvent("seglab:light", { detail: id }));
  }

  light(id) {
    for (const [run, row] of this.rows) row.line.classList.toggle("rail__run--lit", run === id);
  }

  async ask() {
    const active = this.data.runs.filter((run) => run.active).slice(0, 60);
    if (document.hidden || !active.length) return;
    try {
      const reply = await fetch(`/api/states?runs=${active.map((run) => run.id).join()}`);
      if (!reply.ok) return;
      for (const [id, news] of Object.entries(await reply.json())) {
        const run = this.data.runs.find((one) => one.id === id);
        if (!run) continue;
        Object.assign(run, news);
        this.show(run);
      }
    } catch {
      // The frame says that the dashboard is gone.
    }
  }
}

const SVG = 'viewBox="0 0 20 14" width="18" height="13" fill="none" stroke="currentColor" aria-hidden="true"';
const LID = '<path d="M1 7c4-7.5 14-7.5 18 0c-4 7.5-14 7.5-18 0z" stroke-width="1.4"/>';
const EYE = `<svg ${SVG}>${LID}<circle cx="10" cy="7" r="2.6" fill="currentColor"/></svg>`;
const CLOSED_EYE = `<svg ${SVG}>${LID}<path d="M3 13L17 1" stroke-width="1.4"/></svg>`;
