// Panels of one image: the mask over the photograph, one opacity for all. Called again at every
// rerun with new data: pictures are exchanged in place, so that view and cursor stay as they are.

const states = new WeakMap(); // parentElement -> what this instance remembers
const FEW = 8; // classes: of more, only those that the image holds are listed
const NOTHING = "–"; // stands where there is no IoU
const GAP = 16; // px between panels, as in the style sheet
const LEAST = 132; // px of width: smaller pictures show nothing, so the page scrolls instead
const READABLE = 220; // px of width of a panel on a page that scrolls

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let state = states.get(parentElement);
  if (!state) {
    state = build(parentElement);
    states.set(parentElement, state);
  }
  state.move = (step) => {
    // Steps are summed up: a press that comes while another is under way replaces it.
    state.moved += step;
    setTriggerValue("move", { mount: state.mount, steps: state.moved });
  };
  state.data = data;
  draw(state);
  listen(state);
  return () => state.stop();
}

function build(parent) {
  const root = make("div", "masks");
  const legend = make("div", "legend");
  const row = make("div", "row");
  root.append(legend, row);
  parent.append(root);
  const mount = String(Math.random());
  return { root, legend, row, panels: new Map(), moved: 0, mount, stop: () => {} };
}

function draw(state) {
  const { data, root, row } = state;
  state.view = recallView().view;
  root.style.setProperty("--opacity", recallView().opacity / 100);
  root.style.setProperty("--aspect", data.aspect);
  const ids = new Set(data.panels.map((panel) => panel.id));
  for (const [id, parts] of state.panels) {
    if (!ids.has(id)) (parts.figure.remove(), state.panels.delete(id));
  }
  data.panels.forEach((panel, index) => {
    if (!state.panels.has(panel.id)) state.panels.set(panel.id, buildPanel(state));
    const parts = state.panels.get(panel.id);
    if (row.children[index] !== parts.figure) row.insertBefore(parts.figure, row.children[index]);
    fill(state, parts, panel);
  });
  drawLegend(state);
  arrange(state);
}

function buildPanel(state) {
  const parts = { figure: make("figure", "panel"), stage: make("div", "stage") };
  parts.title = make("div", "title");
  parts.dot = make("span", "dot");
  parts.name = make("span");
  parts.title.append(parts.dot, parts.name);
  parts.note = make("div", "note");
  parts.photo = make("img");
  parts.overlay = make("img", "overlay");
  parts.message = make("div", "message");
  parts.cursor = make("div", "cursor");
  parts.under = make("div", "under");
  parts.scores = make("div", "scores");
  parts.stage.append(parts.photo, parts.overlay, parts.message, parts.cursor, parts.under);
  parts.figure.append(parts.title, parts.note, parts.stage, parts.scores);
  parts.stage.onpointermove = (event) => point(state, parts.stage, event);
  parts.stage.onpointerleave = () => unpoint(state);
  hideCursor(parts);
  return parts;
}

function fill(state, parts, panel) {
  const errors = state.view === "errors" && panel.miou !== "";
  parts.figure.dataset.panel = panel.id;
  parts.name.textContent = parts.name.title = panel.title;
  parts.dot.hidden = !panel.color;
  parts.dot.style.background = panel.color;
  parts.note.textContent = parts.note.title = panel.note;
  picture(parts.photo, state.data.photo, `Photograph under ${panel.title}`);
  const what = errors ? "Errors" : "Classes";
  picture(parts.overlay, errors ? panel.errors : panel.masks, `${what} of ${panel.title}`);
  parts.message.textContent = panel.message;
  parts.message.hidden = !panel.message;
  if (parts.packed !== panel.labels?.data) {
    parts.packed = panel.labels?.data;
    parts.labels = null;
    unpack(panel.labels).then((labels) => {
      if (parts.packed === panel.labels?.data) parts.labels = labels;
    });
  }
  fillScores(state, parts.scores, panel);
}

function picture(image, source, words) {
  image.hidden = !source;
  image.alt = words;
  if (source && image.getAttribute("src") !== source) image.src = source;
}

function fillScores(state, scores, panel) {
  scores.replaceChildren();
  if (!panel.miou) return;
  scores.append(make("span", "miou", `mIoU ${panel.miou}`));
  const many = state.data.classes.length > FEW;
  const classes = make("span", many ? "classes many" : "classes");
  const shown = state.data.classes
    .map((info, index) => [info, index])
    .filter(([, index]) => !many || state.data.panels.some((other) => scored(other.iou[index])));
  for (const [info, index] of shown) {
    const key = make("span", "key");
    key.title = `IoU of ${info.name}`;
    key.append(chip(info, "small"), make("span", "name", info.name));
    key.append(make("span", "value", panel.iou[index] ?? NOTHING));
    classes.append(key);
  }
  const absent = state.data.classes.length - shown.length;
  if (absent) classes.append(make("span", "absent", `${absent} classes are not in this image.`));
  scores.append(classes);
}

function scored(value) {
  return Boolean(value) && value !== NOTHING;
}

function drawLegend(state) {
  const items = state.view === "masks" ? classItems(state.data) : errorItems(state.data);
  state.legend.replaceChildren(
    ...items.map(([look, words]) => {
      const key = make("span", "key");
      key.append(chip(look), make("span", "", words));
      return key;
    }),
  );
}

function classItems({ classes, panels }) {
  const items = classes.map((info) => [
    info,
    info.filled ? info.name : `${info.name} (unfilled)`,
  ]);
  const hatched = { color: "", filled: false, hatched: true };
  if (panels.some((panel) => panel.void)) items.push([hatched, "void (hatched, not counted)"]);
  return items;
}

// Only the errors that these classes allow.
function errorItems({ classes, errors }) {
  const background = classes.find((info) => !info.filled)?.name;
  const objects = classes.filter((info) => info.filled).length;
  const items = [];
  const add = (color, words) => items.push([{ color, filled: true }, words]);
  if (background) {
    add(errors.missed, `missed: predicted as ${background}`);
    add(errors.false_alarm, `false alarm: ${background} predicted as something`);
  }
  if (objects > 1) add(errors.wrong, "wrong: one class predicted as another");
  return items;
}

// As many columns as make the pictures largest while all panels are in sight.
function arrange(state) {
  const { root, row, data } = state;
  const count = data.panels.length;
  const width = root.clientWidth;
  const height = window.innerHeight - topOf(row) - GAP;
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const widest = (width - GAP * (columns - 1)) / columns;
    let [picture, before] = [widest, Infinity];
    while (picture < before && picture >= LEAST) {
      before = picture;
      place(row, columns, picture); // words break into more lines in less width, so look again
      const words = heightOfWords([...state.panels.values()]);
      const high = (height - GAP * (rows - 1)) / rows - words;
      picture = Math.floor(Math.min(picture, high * data.aspect));
    }
    if (picture > best.width) best = { columns, width: picture };
  }
  if (best.width >= LEAST) return place(row, best.columns, best.width);
  const most = Math.max(1, Math.floor((width + GAP) / (READABLE + GAP)));
  const columns = Math.ceil(count / Math.ceil(count / most));
  place(row, columns, (width - GAP * (columns - 1)) / columns);
}

// Where a panel row begins on the page as it is before anyone scrolls.
function topOf(row) {
  const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
  return Math.round(row.getBoundingClientRect().top + scrolled);
}

function place(row, columns, width) {
  row.style.setProperty("--columns", columns);
  row.style.setProperty("--width", `${Math.floor(width)}px`);
}

// Of a row of panels, all but the pictures: titles, notes and scores.
function heightOfWords(panels) {
  const highest = (part) => Math.max(...panels.map((panel) => panel[part].offsetHeight));
  return highest("title") + highest("note") + highest("scores") + 2 * 8; // with their margins
}

function listen(state) {
  state.stop();
  let drawnAt = "";
  const rearrange = () => {
    const room = `${state.root.clientWidth} ${window.innerHeight} ${topOf(state.row)}`;
    if (room !== drawnAt) arrange(state); // not for its own change of the height
    drawnAt = room;
  };
  const watch = new ResizeObserver(rearrange);
  watch.observe(state.root);
  const page = document.querySelector("[data-testid=stMainBlockContainer]");
  if (page) watch.observe(page); // what stands above the panels may come later, and grow
  const follow = () => draw(state);
  const press = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const modified = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey;
    if (!step || modified || needsArrows(event.composedPath()[0])) return;
    event.preventDefault();
    state.move(step);
  };
  document.addEventListener("keydown", press, true); // pickers keep their keys to themselves
  window.addEventListener("resize", rearrange);
  window.addEventListener(VIEW_KEY, follow);
  state.stop = () => {
    watch.disconnect();
    document.removeEventListener("keydown", press, true);
    window.removeEventListener("resize", rearrange);
    window.removeEventListener(VIEW_KEY, follow);
  };
}

// Whether arrow keys mean something else there. A picker that was used keeps the focus, but closed
// it has no use for them.
function needsArrows(target) {
  const picker = target.closest?.("[role=combobox]");
  if (picker) return picker.getAttribute("aria-expanded") === "true";
  return Boolean(target.closest?.("input, textarea, select, [role=listbox], [contenteditable]"));
}

function point(state, stage, event) {
  const box = stage.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width;
  const y = (event.clientY - box.top) / box.height;
  if (x < 0 || y < 0 || x >= 1 || y >= 1) return unpoint(state);
  for (const parts of state.panels.values()) {
    parts.cursor.style.cssText = `left:${100 * x}%;top:${100 * y}%`;
    parts.cursor.hidden = parts.stage === stage;
    parts.under.textContent = nameAt(state, parts.labels, x, y);
    parts.under.hidden = !parts.under.textContent;
  }
}

function nameAt(state, labels, x, y) {
  if (!labels) return "";
  const label =
    labels.bytes[Math.floor(y * labels.height) * labels.width + Math.floor(x * labels.width)];
  return label === state.data.void ? "void" : (state.data.classes[label]?.name ?? "");
}

function unpoint(state) {
  for (const parts of state.panels.values()) hideCursor(parts);
}

function hideCursor(parts) {
  parts.under.hidden = parts.cursor.hidden = true;
}

async function unpack(labels) {
  if (!labels || typeof DecompressionStream === "undefined") return null;
  const packed = Uint8Array.from(atob(labels.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return { width: labels.width, height: labels.height, bytes };
}

function chip(look, size = "") {
  const mark = make("span", `chip ${size}`);
  if (look.filled) mark.style.background = look.color;
  mark.classList.toggle("hatched", Boolean(look.hatched));
  return mark;
}
