// The row above the panels, and its memory: in the address, to be shared, and in the browser.

const MEMORY = "seglab_curves"; // key of the browser's storage
const FIRST_STATE = {
  unit: "epoch",
  panels: FIRST_PANELS,
  smooth: 0,
  fields: null, // by which runs are grouped; null: not at all
  band: "sd",
  hidden: [], // splits
  scales: {}, // panel -> linear or log
};
const BANDS = { sd: "Band: SD", ci: "Band: 95 % t" };

// The state by the address, else by the browser's memory, else the first one.
function rememberedState() {
  const params = new URLSearchParams(window.location.search);
  const state = { ...FIRST_STATE, ...fitting(stored()) };
  const given = {};
  if (params.has("x")) given.unit = params.get("x");
  if (params.has("panels")) given.panels = params.get("panels").split(",");
  if (params.has("smooth")) given.smooth = Number(params.get("smooth"));
  if (params.has("group")) given.fields = params.get("group").split(",").filter(Boolean);
  if (params.has("band")) given.band = params.get("band");
  return { ...state, ...fitting(given) };
}

// What of a state from outside can be one: it may be of another version, or made up.
function fitting(state) {
  const found = {};
  if (state.unit in UNITS) found.unit = state.unit;
  const panels = (state.panels ?? []).filter?.((id) => id in PANELS);
  if (panels?.length) found.panels = panels;
  if (state.smooth >= 0 && state.smooth < 1) found.smooth = state.smooth;
  if (state.fields === null || Array.isArray(state.fields)) found.fields = state.fields;
  if (state.band in BANDS) found.band = state.band;
  if (Array.isArray(state.hidden)) found.hidden = state.hidden.filter((split) => split in DASH);
  if (state.scales && typeof state.scales === "object") found.scales = state.scales;
  return found;
}

function stored() {
  try {
    return JSON.parse(window.localStorage.getItem(MEMORY)) ?? {};
  } catch {
    return {};
  }
}

function remember(state) {
  try {
    window.localStorage.setItem(MEMORY, JSON.stringify(state));
  } catch {
    // A browser that keeps nothing: the address still does.
  }
  const address = new URL(window.location.href);
  const words = {
    x: state.unit === FIRST_STATE.unit ? "" : state.unit,
    panels: String(state.panels) === String(FIRST_PANELS) ? "" : state.panels.join(),
    smooth: state.smooth ? String(state.smooth) : "",
    band: state.fields && state.band !== "sd" ? state.band : "",
  };
  for (const [name, value] of Object.entries(words)) setParam(address, name, value);
  if (state.fields) address.searchParams.set("group", state.fields.join());
  else address.searchParams.delete("group");
  const text = address.toString().replaceAll("%2C", ",");
  if (text !== window.location.href) window.history.replaceState(window.history.state, "", text);
}

function setParam(address, name, value) {
  if (value) address.searchParams.set(name, value);
  else address.searchParams.delete(name);
}

class Toolbar {
  // `choose(changes)` takes changes of the state.
  constructor(parent, choose) {
    this.choose = choose;
    this.root = parent.appendChild(make("div", "live-toolbar"));
    this.panels = menu(this.root, "Panels");
    this.unit = select(this.root, "Horizontal axis", UNITS, (unit) => choose({ unit }));
    this.groups = menu(this.root, "Each run by itself");
    this.band = select(this.root, "What the band is", BANDS, (band) => choose({ band }));
    this.smooth = this.slider();
    this.splits = ["train", "val"].map((split) => this.split(split));
    this.reset = this.root.appendChild(make("button", "", "Reset zoom"));
    this.reset.onclick = () => choose({ zoom: null });
    for (const [id, { title }] of Object.entries(PANELS)) {
      this.panels.body.append(checkbox(title, id, () => this.choosePanels()));
    }
  }

  slider() {
    const label = this.root.appendChild(make("label", "live-toolbar__smooth", "Smoothing"));
    const input = label.appendChild(make("input"));
    Object.assign(input, { type: "range", min: 0, max: 0.95, step: 0.05, ariaLabel: "Smoothing" });
    this.smoothWords = label.appendChild(make("span"));
    input.oninput = () => this.choose({ smooth: Number(input.value) });
    return input;
  }

  split(split) {
    const button = this.root.appendChild(make("button", "live-toolbar__split"));
    button.append(swatch("currentColor", split), { train: "Training", val: "Validation" }[split]);
    button.onclick = () => this.choose({ toggled: split });
    button.dataset.split = split;
    return button;
  }

  choosePanels() {
    const boxes = [...this.panels.body.querySelectorAll("input")];
    const panels = boxes.filter((box) => box.checked).map((box) => box.value);
    this.choose({ panels: panels.length ? panels : ["loss"] });
  }

  // `titles`: field -> its name, of those in which the runs differ; `several`: whether there are any.
  show(state, titles, isZoomed, several) {
    this.groups.root.hidden = !several;
    for (const box of this.panels.body.querySelectorAll("input")) {
      box.checked = state.panels.includes(box.value);
    }
    setText(this.panels.summary, `Panels (${state.panels.length})`);
    this.unit.value = state.unit;
    this.band.value = state.band;
    this.band.hidden = !state.fields || !several;
    this.smooth.value = state.smooth;
    setText(this.smoothWords, state.smooth ? state.smooth.toFixed(2) : "off");
    for (const button of this.splits) {
      button.ariaPressed = String(!state.hidden.includes(button.dataset.split));
    }
    this.reset.hidden = !isZoomed;
    this.showGroups(state.fields, titles);
  }

  showGroups(chosen, titles) {
    if (JSON.stringify(titles) !== this.drawnTitles) this.drawGroups(titles);
    this.drawnTitles = JSON.stringify(titles);
    setText(this.groups.summary, groupWords(chosen, titles));
    const all = String(allButSeed(Object.keys(titles)));
    const [single, grouped] = this.groups.body.querySelectorAll("input[type=radio]");
    single.checked = !chosen;
    grouped.checked = Boolean(chosen) && String(chosen) === all;
    for (const box of this.groups.body.querySelectorAll("input[type=checkbox]")) {
      box.checked = Boolean(chosen?.includes(box.value));
    }
  }

  drawGroups(titles) {
    const fields = Object.keys(titles);
    this.groups.body.replaceChildren(
      radio("Each run by itself", () => this.choose({ fields: null })),
      radio("All runs that differ only in their seed", () =>
        this.choose({ fields: allButSeed(fields) }),
      ),
    );
    if (!fields.length) return;
    this.groups.body.append(make("p", "", "Runs are of one group where they have the same:"));
    const changed = () => this.chooseFields();
    this.groups.body.append(...fields.map((field) => checkbox(titles[field], field, changed)));
  }

  chooseFields() {
    const boxes = [...this.groups.body.querySelectorAll("input[type=checkbox]")];
    this.choose({ fields: boxes.filter((box) => box.checked).map((box) => box.value) });
  }
}

// The same experiment in another sweep is the same experiment.
const allButSeed = (fields) => fields.filter((field) => !["seed", "sweep"].includes(field));

function groupWords(chosen, titles) {
  if (!chosen) return "Each run by itself";
  if (String(chosen) === String(allButSeed(Object.keys(titles)))) return "Grouped: all but the seed";
  const named = chosen.map((field) => titles[field] ?? field);
  return named.length ? `Grouped by ${named.join(", ")}` : "All in one group";
}

function menu(parent, title) {
  const root = parent.appendChild(make("details", "live-menu"));
  const summary = root.appendChild(make("summary", "", title));
  const body = root.appendChild(make("div", "live-menu__body"));
  body.tabIndex = -1; // a press on a label focuses the menu, and nothing outside
  root.addEventListener("keydown", (event) => event.key === "Escape" && (root.open = false));
  return { root, summary, body };
}

function select(parent, name, options, choose) {
  const input = parent.appendChild(make("select"));
  input.ariaLabel = name;
  for (const [value, word] of Object.entries(options)) input.append(new Option(word, value));
  input.onchange = () => choose(input.value);
  return input;
}

function checkbox(title, value, changed) {
  const label = make("label");
  const input = label.appendChild(make("input"));
  Object.assign(input, { type: "checkbox", value, onchange: changed });
  label.append(title);
  return label;
}

function radio(title, chosen) {
  const label = make("label");
  const input = label.appendChild(make("input"));
  Object.assign(input, { type: "radio", name: "live-groups", onchange: chosen });
  label.append(title);
  return label;
}
