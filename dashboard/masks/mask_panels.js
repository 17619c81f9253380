// Panels of one image: the mask over the photograph, one opacity for all. Called again at every
// rerun with new data: pictures are exchanged in place, so that slider, view and cursor stay as
// they are.

const states = new WeakMap(); // parentElement -> what this instance remembers
const FEW = 8; // classes: of more, only those that the image holds are listed
const NOTHING = "–"; // stands where there is no IoU
const STORAGE_KEY = "seglab-masks"; // opacity and view outlive the page, in the browser tab

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let state = states.get(parentElement);
  if (!state) {
    state = build(parentElement);
    states.set(parentElement, state);
  }
  state.move = (step) => setTriggerValue("move", step);
  state.data = data;
  draw(state);
  listen(state);
  return () => state.stop();
}

function build(parent) {
  const kept = recall();
  const root = make("div", "masks");
  const bar = make("div", "bar");
  const views = make("div", "views");
  views.setAttribute("role", "group");
  views.setAttribute("aria-label", "What the predictions show");
  const legend = make("div", "legend");
  const row = make("div", "row");
  const state = { root, legend, row, view: kept.view, panels: new Map(), stop: () => {} };
  state.buttons = ["Masks", "Errors"].map((word) => {
    const button = make("button", "", word);
    button.type = "button";
    button.onclick = () => setView(state, word.toLowerCase());
    views.append(button);
    return button;
  });
  bar.append(slider(state, kept.opacity), views, legend);
  root.append(bar, row);
  parent.append(root);
  return state;
}

function slider(state, percent) {
  const label = make("label", "", "Opacity");
  const input = make("input");
  const output = make("output");
  Object.assign(input, { type: "range", min: 0, max: 100, step: 1, value: percent });
  input.setAttribute("aria-label", "Opacity of all masks in percent");
  const apply = () => {
    state.root.style.setProperty("--opacity", input.value / 100);
    output.textContent = `${input.value} %`;
    state.opacity = Number(input.value);
  };
  input.oninput = () => (apply(), keep(state));
  apply();
  label.append(input, output);
  return label;
}

function setView(state, view) {
  state.view = view;
  keep(state);
  draw(state);
}

function draw(state) {
  const { data, root, row } = state;
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
  state.buttons.forEach((button) => {
    button.setAttribute("aria-pressed", button.textContent.toLowerCase() === state.view);
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
  const { classes, errors } = state.data;
  const items =
    state.view === "masks"
      ? classes.map((info) => [info, info.filled ? info.name : `${info.name} (unfilled)`])
      : [
          [{ color: errors.missed, filled: true }, "missed: predicted as background"],
          [{ color: errors.wrong, filled: true }, "wrong: predicted as another class"],
        ];
  const hatched = { color: "", filled: false, hatched: true };
  if (state.view === "masks" && state.data.panels.some((panel) => panel.void))
    items.push([hatched, "void (hatched, not counted)"]);
  const missable = state.view === "masks" || classes.some((info) => !info.filled);
  state.legend.replaceChildren(
    ...items.slice(missable ? 0 : 1).map(([look, words]) => {
      const key = make("span", "key");
      key.append(chip(look), make("span", "", words));
      return key;
    }),
  );
}

// Rows of equal length, as few as the width allows.
function arrange(state) {
  const count = state.data.panels.length;
  const most = Math.max(1, Math.floor((state.root.clientWidth + 16) / 236));
  const rows = Math.ceil(count / most);
  state.row.style.setProperty("--columns", Math.ceil(count / rows));
}

function listen(state) {
  state.stop();
  const watch = new ResizeObserver(() => arrange(state));
  watch.observe(state.root);
  const press = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const target = event.composedPath()[0];
    const typing = target.closest?.("input, textarea, select, [role=combobox], [role=listbox]");
    if (!step || typing || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    state.move(step);
  };
  document.addEventListener("keydown", press);
  state.stop = () => {
    watch.disconnect();
    document.removeEventListener("keydown", press);
  };
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

function recall() {
  try {
    return { opacity: 55, view: "masks", ...JSON.parse(sessionStorage.getItem(STORAGE_KEY)) };
  } catch {
    return { opacity: 55, view: "masks" };
  }
}

function keep(state) {
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ opacity: state.opacity, view: state.view }));
  } catch {
    // Storage may be forbidden: opacity and view then last as long as the page.
  }
}
