// The head and the lines of the table.

// [key that it is sorted by, title, class, px]: they keep their width, whatever their cells say.
const FIXED = [
  ["name", "Run", "run", 276],
  ["state", "Status", "status", 148],
  ["progress", "Progress", "progress", 136],
  ["time_left", "Time left", "left number", 96],
  ["best_miou", "Best mIoU", "best number", 252],
];
const SMALL_FIRST = ["name", "state"]; // a first click sorts these upwards, and text as well

function drawHead(table) {
  const { columns } = table.answer;
  const key = columns.map(({ key }) => key).join();
  if (table.head.dataset.key !== key) {
    table.head.dataset.key = key;
    buildHead(table, columns);
  }
  const { sort, descending } = table.memory;
  for (const head of table.heads) {
    const order = head.key !== sort ? "none" : descending ? "descending" : "ascending";
    if (head.cell.ariaSort !== order) head.cell.ariaSort = order;
    setText(head.arrow, { none: "", descending: "↓", ascending: "↑" }[order]);
  }
}

function buildHead(table, columns) {
  const all = [
    ...FIXED.map(([key, title, className, width]) => ({ key, title, className, width })),
    ...columns.map((column) => ({ ...column, className: classOf(column) })),
  ];
  const widths = [32, 28, ...all.map(({ width }) => width)];
  table.columns.replaceChildren(
    ...widths.map((width) => {
      const column = make("col");
      column.style.width = `${width}px`;
      return column;
    }),
  );
  table.table.style.minWidth = `${widths.reduce((sum, width) => sum + width)}px`;
  table.heads = all.map((column) => buildHeadCell(table, column));
  const pick = make("td", "pick");
  table.all = make("input");
  table.all.type = "checkbox";
  table.all.setAttribute("aria-label", "Select all runs shown");
  table.all.onchange = () => table.selectAll(table.all.checked);
  pick.append(table.all, make("span", "all", "All"));
  table.head.replaceChildren(pick, make("td", "star"), ...table.heads.map(({ cell }) => cell));
}

function classOf({ key, is_number, is_path }) {
  return `config of-${key}${is_number ? " number" : ""}${is_path ? " path" : ""}`;
}

function buildHeadCell(table, { key, title, className, is_number }) {
  const cell = make("th", className.replace(" path", ""));
  cell.scope = "col";
  const button = make("button", "sort", title);
  button.type = "button";
  const arrow = make("span", "arrow");
  arrow.ariaHidden = "true"; // aria-sort says it
  button.append(arrow);
  button.title = `Sort by ${title}`;
  button.onclick = () => {
    const { sort, descending } = table.memory;
    const upwards = SMALL_FIRST.includes(key) || is_number === false;
    const next = sort === key ? !descending : !upwards;
    const again = sort === key && next === !upwards; // a third click: newest first, as at first
    table.memory.set(
      again ? { sort: "started", descending: true } : { sort: key, descending: next },
    );
    table.scroll.scrollTop = 0;
    table.look();
  };
  cell.append(button);
  return { key, cell, arrow };
}

function buildGroup(table, { group }) {
  const parts = { row: make("tr", "group"), cell: make("td") };
  parts.cell.colSpan = 1000;
  parts.button = make("button", "fold");
  parts.button.type = "button";
  parts.sign = make("span", "sign");
  parts.name = make("span", "name");
  parts.facts = make("span", "small");
  parts.button.append(parts.sign, parts.name, parts.facts);
  parts.button.onclick = () => {
    const { closed } = table.memory;
    const others = closed.filter((label) => label !== group);
    table.memory.set({ closed: others.length < closed.length ? others : [...closed, group] });
    table.look();
  };
  parts.cell.append(parts.button);
  parts.row.append(parts.cell);
  return parts;
}

function fillGroup(table, parts, line) {
  setText(parts.sign, line.closed ? "▸" : "▾");
  parts.button.ariaExpanded = String(!line.closed);
  setText(parts.name, line.group);
  setText(parts.facts, [line.runs, line.best].filter(Boolean).join(", "));
}

function buildRow(table, { id }) {
  const parts = { id, row: make("tr"), box: make("input"), config: [], line: {} };
  parts.row.dataset.run = id;
  parts.box.type = "checkbox";
  parts.box.setAttribute("aria-label", `Select ${id}`);
  parts.star = make("button", "mark");
  parts.star.type = "button";
  parts.star.onclick = () => toggleStar(table, parts);
  for (const name of ["shape", "state", "fill"]) parts[name] = make("span", name);
  for (const name of ["left", "best"]) parts[name] = make("span");
  for (const name of ["created", "epochs", "bestEpoch"]) parts[name] = make("span", "small");
  parts.activity = make("span", "small activity");
  parts.track = make("span", "track");
  parts.track.append(parts.fill);
  parts.name = make("a", "name");
  linkTo(table, parts.name, id);
  parts.nameCell = make("span", "editable");
  parts.nameCell.append(parts.name, editButton(table, parts, "name"));
  const cells = [
    ["pick", parts.box],
    ["star", parts.star],
    ["run", parts.nameCell, parts.created],
    ["status", parts.shape, parts.state, parts.activity],
    ["progress", parts.track, parts.epochs],
    ["left number", parts.left],
    ["best number", parts.best, parts.bestEpoch],
  ];
  for (const [className, ...content] of cells) {
    const cell = make("td", className);
    cell.append(...content);
    parts.row.append(cell);
  }
  parts.box.onclick = (event) => table.toggle(id, parts.box.checked, event.shiftKey);
  parts.row.onclick = (event) => {
    if (event.target.closest("input, button, a, textarea") || String(getSelection())) return;
    table.toggle(id, !table.selected.has(id), event.shiftKey);
  };
  return parts;
}

// A click goes to the run's page within the session; a new tab is the browser's own business.
function linkTo(table, link, id) {
  link.href = `/run?id=${encodeURIComponent(id)}`;
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    table.leave(id);
  };
}

function fillRow(table, parts, line) {
  parts.line = line;
  if (parts.row.dataset.state !== line.state) parts.row.dataset.state = line.state;
  parts.row.classList.toggle("archived", line.archived);
  setText(parts.star, line.star ? "★" : "☆");
  parts.star.ariaPressed = String(line.star);
  parts.star.setAttribute("aria-label", `Star ${line.label || line.name}`);
  setText(parts.shape, line.shape);
  setStyle(parts.shape, "color", line.color);
  setText(parts.state, line.state);
  setTitled(parts.activity, line.activity);
  setText(parts.name, line.label || line.name);
  parts.name.title = line.id;
  const archived = line.archived ? " · archived" : "";
  const named = line.label ? ` · ${line.name}` : "";
  setText(parts.created, `${line.created}${archived}${named}`);
  parts.created.title = parts.created.textContent;
  setStyle(parts.fill, "width", `${100 * line.progress}%`);
  setStyle(parts.fill, "background-color", line.color);
  setText(parts.epochs, `epoch ${line.epochs}`);
  setText(parts.left, line.left);
  setText(parts.best, line.best);
  setTitled(parts.bestEpoch, line.best_epoch);
  fillCells(table, parts, line);
}

function fillCells(table, parts, line) {
  const { columns } = table.answer;
  const key = table.head.dataset.key;
  if (parts.columns !== key) {
    parts.columns = key;
    for (const { cell } of parts.config) cell.remove();
    parts.config = columns.map((column) => buildCell(table, parts, column));
  }
  parts.config.forEach((cell, index) => {
    const { value, note } = line.cells[index];
    const { key } = columns[index];
    if (key === "tag") fillTags(cell, line.tags);
    else setText(cell.value, key === "notes" ? line.text : value);
    setText(cell.note, note);
    const said = key === "notes" ? line.text : value;
    if (cell.cell.title !== said) cell.cell.title = said;
  });
}

function buildCell(table, parts, column) {
  const cell = { cell: make("td", classOf(column)), value: make("bdi"), note: make("span", "small") };
  const noted = { tag: "tags", notes: "notes" }[column.key];
  if (noted) {
    cell.value.className = noted;
    const editable = make("span", "editable");
    editable.append(cell.value, editButton(table, parts, noted));
    cell.cell.append(editable);
  } else cell.cell.append(cell.value, cell.note);
  parts.row.append(cell.cell);
  return cell;
}

function fillTags(cell, tags) {
  const key = tags.join(",");
  if (cell.tags === key) return;
  cell.tags = key;
  cell.value.replaceChildren(...tags.map((tag) => make("span", "tag", tag)));
}

function setTitled(element, text) {
  setText(element, text);
  if (element.title !== text) element.title = text; // a line of it is in sight
}

function setStyle(element, property, value) {
  const key = `seglab-${property}`;
  if (element[key] === value) return; // the browser writes colors in another form than we do
  element[key] = value;
  element.style.setProperty(property, value);
}
