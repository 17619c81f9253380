// The table of runs. Called again at every tick with new data: only cells whose text changed are
// written, and rows are known by their run's id, so selection, filter and scroll position stay.

const states = new WeakMap(); // parentElement -> what this instance remembers
// [title, class]: these columns keep their width, whatever their cells come to say.
const FIXED = [
  ["Status", "status"],
  ["Run", "run"],
  ["Progress", "progress"],
  ["Time left", "left number"],
  ["Best mIoU", "best number"],
];

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  let state = states.get(parentElement);
  if (!state) {
    state = build(parentElement, data.selected);
    states.set(parentElement, state);
  }
  state.tell = () => setStateValue("selected", [...state.selected]);
  state.data = data;
  draw(state);
}

function build(parent, selected) {
  const root = make("div", "runs");
  const bar = make("div", "bar");
  const state = { root, rows: new Map(), selected: new Set(selected), words: [] };
  state.filter = make("input");
  Object.assign(state.filter, { type: "search", placeholder: "Filter runs" });
  state.filter.setAttribute("aria-label", "Filter runs: words that a run must contain");
  state.filter.oninput = () => filter(state);
  state.count = make("output");
  bar.append(state.filter, state.count);
  const scroll = make("div", "scroll");
  const table = make("table");
  state.head = table.createTHead().insertRow();
  state.body = table.createTBody();
  state.none = make("div", "none", "No run contains these words.");
  scroll.append(table, state.none);
  root.append(bar, scroll);
  parent.append(root);
  return state;
}

function draw(state) {
  const { data, body } = state;
  drawHead(state);
  const ids = new Set(data.rows.map((row) => row.id));
  for (const [id, parts] of state.rows) {
    if (!ids.has(id)) (parts.row.remove(), state.rows.delete(id), state.selected.delete(id));
  }
  data.rows.forEach((row, index) => {
    if (!state.rows.has(row.id)) state.rows.set(row.id, buildRow(state, row.id));
    const parts = state.rows.get(row.id);
    if (body.rows[index] !== parts.row) body.insertBefore(parts.row, body.rows[index] ?? null);
    fillRow(parts, row, data.columns);
  });
  show(state);
}

function drawHead(state) {
  const columns = [...FIXED, ...state.data.columns.map(({ title }) => [title, "config"])];
  const key = String(columns);
  if (state.head.dataset.key === key) return;
  state.head.dataset.key = key;
  state.all = make("input");
  state.all.type = "checkbox";
  state.all.setAttribute("aria-label", "Select all runs shown");
  state.all.onchange = () => {
    state.selected = new Set(state.all.checked ? visible(state) : []);
    changed(state);
  };
  const pick = make("td", "pick");
  pick.append(state.all, make("span", "all", "All"));
  const cells = columns.map(([title, className]) => {
    const cell = make("th", className, title);
    cell.scope = "col";
    return cell;
  });
  state.head.replaceChildren(pick, ...cells);
}

function buildRow(state, id) {
  const parts = { row: make("tr"), box: make("input"), config: [] };
  parts.row.dataset.run = id;
  parts.box.type = "checkbox";
  parts.box.setAttribute("aria-label", `Select ${id}`);
  parts.shape = make("span", "shape");
  parts.state = make("span");
  parts.activity = make("span", "small activity");
  parts.name = make("span");
  parts.created = make("span", "small");
  parts.track = make("span", "track");
  parts.fill = make("span", "fill");
  parts.track.append(parts.fill);
  parts.epochs = make("span", "small");
  parts.left = make("span");
  parts.best = make("span");
  parts.bestEpoch = make("span", "small");
  const cells = [
    ["pick", parts.box],
    ["status", parts.shape, parts.state, parts.activity],
    ["run", parts.name, parts.created],
    ["progress", parts.track, parts.epochs],
    ["left number", parts.left],
    ["best number", parts.best, parts.bestEpoch],
  ];
  for (const [className, ...content] of cells) {
    const cell = make("td", className);
    cell.append(...content);
    parts.row.append(cell);
  }
  parts.box.onchange = () => toggle(state, id, parts.box.checked);
  parts.row.onclick = (event) => {
    if (event.target === parts.box || String(getSelection())) return;
    toggle(state, id, !state.selected.has(id));
  };
  return parts;
}

function fillRow(parts, row, columns) {
  if (parts.row.dataset.state !== row.state) parts.row.dataset.state = row.state;
  setText(parts.shape, row.shape);
  setStyle(parts.shape, "color", row.color);
  setText(parts.state, row.state);
  setText(parts.activity, row.activity);
  parts.activity.title = row.activity; // two lines of it are in sight
  setText(parts.name, row.name);
  setText(parts.created, row.created);
  parts.name.title = row.id;
  setStyle(parts.fill, "width", `${100 * row.progress}%`);
  setStyle(parts.fill, "background-color", row.color);
  setText(parts.epochs, `epoch ${row.epochs}`);
  setText(parts.left, row.left);
  setText(parts.best, row.best);
  setText(parts.bestEpoch, row.best_epoch);
  while (parts.config.length > row.config.length) parts.config.pop().cell.remove();
  while (parts.config.length < row.config.length) parts.config.push(buildConfigCell(parts.row));
  parts.config.forEach((cell, index) => {
    setText(cell.value, row.config[index]);
    setText(cell.note, row.notes[index]);
    cell.cell.title = row.config[index];
    cell.cell.classList.toggle("path", columns[index].is_path);
  });
  parts.text = Object.values(row).flat().join(" ").toLowerCase();
}

function buildConfigCell(row) {
  const parts = { cell: make("td", "config"), value: make("bdi"), note: make("span", "small") };
  parts.cell.append(parts.value, parts.note);
  row.append(parts.cell);
  return parts;
}

function filter(state) {
  state.words = state.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set(visible(state));
  const kept = [...state.selected].filter((id) => shown.has(id));
  if (kept.length === state.selected.size) return show(state);
  state.selected = new Set(kept); // nothing is stopped that cannot be seen
  changed(state);
}

function visible(state) {
  const fits = (parts) => state.words.every((word) => parts.text.includes(word));
  return [...state.rows].filter(([, parts]) => fits(parts)).map(([id]) => id);
}

function toggle(state, id, on) {
  if (on) state.selected.add(id);
  else state.selected.delete(id);
  changed(state);
}

function changed(state) {
  show(state);
  const [only] = state.selected.size === 1 ? state.selected : [];
  if (only) state.rows.get(only).row.scrollIntoView({ block: "nearest" }); // the table got lower
  state.tell();
}

function show(state) {
  const shown = new Set(visible(state));
  for (const [id, parts] of state.rows) {
    parts.row.hidden = !shown.has(id);
    parts.row.classList.toggle("selected", state.selected.has(id));
    parts.box.checked = state.selected.has(id);
  }
  state.root.classList.toggle("one", state.selected.size === 1);
  const total = state.rows.size;
  const runs = total === 1 ? "1 run" : `${total.toLocaleString("en")} runs`;
  const count = shown.size === total ? runs : `${shown.size.toLocaleString("en")} of ${runs}`;
  setText(state.count, state.selected.size ? `${count}, ${state.selected.size} selected` : count);
  state.none.hidden = shown.size > 0;
  state.all.checked = shown.size > 0 && state.selected.size === shown.size;
  state.all.indeterminate = state.selected.size > 0 && !state.all.checked;
}

function setStyle(element, property, value) {
  const key = `seglab-${property}`;
  if (element[key] === value) return; // the browser writes colors in another form than we do
  element[key] = value;
  element.style.setProperty(property, value);
}
