// The mask lab: one validation image with the masks of several models, and all ways to look at them. The
// page's script only says which runs; images, labels and scores come from /api/masks, so that nothing
// runs the page again. Streamlit calls the default function again at every rerun.

const KEEP_ADDRESS_MS = 500; // Streamlit writes the address too, and then leaves out what is ours
const LATER_MS = 200; // after typing
const SMALLEST = 4; // pixels of the image: no zoom shows fewer across

export default function (component) {
  const { parentElement, data } = component;
  const lab = (parentElement.lab ??= new Lab(parentElement));
  const call = lab.update(data);
  return () => {
    if (lab.calls !== call) return;
    lab.remove();
    delete parentElement.lab;
  };
}

class Lab {
  constructor(parent) {
    this.calls = 0;
    this.page = location.pathname;
    this.view = readView();
    this.source = new LabData(() => this.redraw());
    this.painted = new Map(); // what an overlay is of -> the overlay
    this.images = { names: [], values: [], kinds: [], total: 0, pending: 0 };
    this.scene = null;
    this.point = null; // of the image, under the pointer
    this.panels = new Map();
    this.root = parent.appendChild(make("div", "masks"));
    this.toolbar = new Toolbar(this);
    this.says = make("p", "says");
    this.says.role = "status";
    this.legend = make("div", "legend");
    this.row = make("div", "row");
    this.thumbs = { strip: new Thumbs(this, "strip"), grid: new Thumbs(this, "grid") };
    this.root.append(this.toolbar.root, this.says, this.legend, this.row);
    this.root.append(this.thumbs.grid.root, this.thumbs.strip.root);
    this.listen();
  }

  update(data) {
    const before = this.data;
    this.data = data;
    if (JSON.stringify(before) !== JSON.stringify(data)) {
      this.source.kept.clear();
      this.painted.clear();
      if (data.wanted.token && before?.wanted.token !== data.wanted.token) {
        Object.assign(this.view, data.wanted.view);
      }
      this.load();
    }
    return ++this.calls;
  }

  remove() {
    this.gone = true;
    clearInterval(this.timer);
    clearTimeout(this.asking);
    this.watch.disconnect();
    document.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("resize", this.onResize);
    for (const thumbs of Object.values(this.thumbs)) thumbs.remove();
    for (const panel of this.panels.values()) panel.remove();
    this.swipe?.remove();
    this.root.remove();
  }

  listen() {
    this.onKey = (event) => this.key(event);
    this.onResize = () => this.arrange();
    document.addEventListener("keydown", this.onKey, true); // pickers keep their keys to themselves
    window.addEventListener("resize", this.onResize);
    this.watch = new ResizeObserver(() => this.arrange());
    this.watch.observe(this.root);
    this.timer = setInterval(() => this.scene && this.keepAddress(), KEEP_ADDRESS_MS);
  }

  // The address is ours only while the page is: another one may be on its way.
  keepAddress() {
    if (location.pathname === this.page && !this.gone) writeView(this.view);
  }

  // ---- models and images

  get models() {
    return this.data.runs;
  }

  keyOf(run) {
    const sets = this.data.runs.find(({ id }) => id === run)?.sets ?? [];
    const wanted = String(this.view.at[run] ?? "");
    return sets.some(([key]) => key === wanted) ? wanted : sets[0]?.[0];
  }

  // As the server's addresses name them.
  get spelled() {
    return this.models.map(({ id }) => `${id}@${this.keyOf(id)}`).join(",");
  }

  choose(run, key) {
    this.change({ at: { ...this.view.at, [run]: key } });
  }

  // Change how masks are looked at, and do no more than that needs.
  change(changes) {
    const before = this.view;
    this.view = { ...before, ...changes };
    const asked = ["order", "find", "kind", "at"].filter((name) => name in changes);
    if (asked.length) {
      if ("order" in changes) this.view.image = ""; // an order begins at its beginning
      clearTimeout(this.asking);
      this.asking = setTimeout(() => this.load(), "find" in changes ? LATER_MS : 0);
      this.toolbar.draw();
      return;
    }
    this.keepAddress();
    if ("over" in changes) this.thumbs.grid.draw();
    if ("layout" in changes) this.lay();
    this.draw();
  }

  // Ask for the images in order, then show one of them.
  async load() {
    const asked = (this.loading = Symbol());
    const stale = () => this.gone || this.loading !== asked;
    try {
      let images = await this.source.images(this.spelled, this.view);
      while (images.pending && !stale()) {
        const done = images.total - images.pending;
        this.say(`Comparing masks: ${done.toLocaleString("en")} of ${images.total.toLocaleString("en")}`);
        images = await this.source.images(this.spelled, this.view);
      }
      if (stale()) return;
      this.images = images;
      this.say(this.nothing());
      this.lay();
      for (const thumbs of Object.values(this.thumbs)) thumbs.draw();
      const { image } = this.view;
      const known = images.names.includes(image);
      if (image && !known && images.names.length && !this.view.find && !this.view.kind) {
        this.say("The image of this link has no mask in every chosen run: here is another one.");
      }
      await this.show(known ? image : images.names[0], true);
    } catch (problem) {
      if (stale()) return;
      // An order of other models than those that are chosen now
      if (this.view.order !== FIRST.order) return this.change({ order: FIRST.order });
      this.say(problem.message);
    }
  }

  nothing() {
    if (this.images.names.length) return "";
    if (this.images.total) return "No image fits what you look for.";
    return this.data.nothing;
  }

  say(words) {
    setText(this.says, words);
    this.says.hidden = !words;
  }

  // Show an image; what was there stays until all of it has come.
  async show(name, again = false) {
    if (!name) {
      this.toolbar.draw();
      return;
    }
    if (name === this.scene?.name && !again) return;
    if (this.scene && name !== this.scene.name) this.view.zoom = FIRST.zoom;
    this.view.image = name;
    this.toolbar.draw();
    for (const thumbs of Object.values(this.thumbs)) thumbs.reveal();
    this.keepAddress();
    const asked = (this.showing = Symbol());
    let scene;
    try {
      scene = await this.sceneOf(name);
    } catch (problem) {
      if (this.showing === asked) this.say(problem.message);
      return;
    }
    if (this.gone || this.showing !== asked || this.view.image !== name) return;
    this.scene = scene;
    if (scene.problem) this.say(scene.problem);
    this.lay();
    this.draw();
    this.arrange(true);
    const at = this.images.names.indexOf(name);
    for (const next of [this.images.names[at + 1], this.images.names[at - 1]]) {
      if (next) this.sceneOf(next).catch(() => null);
    }
  }

  sceneOf(name) {
    const models = this.spelled;
    return this.source.keep(`scene ${models} ${name}`, () => this.source.scene(models, name));
  }

  // Images further or back; the first and the last have none beyond them.
  step(by) {
    const { names } = this.images;
    const at = names.indexOf(this.view.image);
    if (at < 0) return;
    this.show(names[Math.max(0, Math.min(names.length - 1, at + by))]);
  }

  // From a thumbnail to its image.
  open(name) {
    if (this.view.layout === "grid") this.view.layout = "panels";
    this.lay();
    this.show(name, true);
  }

  valueOf(place) {
    const value = this.images.values[place];
    if (value === undefined || value === null) return "";
    const [kind] = this.view.order.split(":");
    if (kind === "cell") return `${value.toLocaleString("en")} pixels`;
    if (kind === "share" || kind === "differ") return `${(100 * value).toFixed(1)} %`;
    if (kind === "gap") return `${value < 0 ? "−" : "+"}${(100 * Math.abs(value)).toFixed(1)} points`;
    return value.toFixed(3);
  }

  thumbnail(name, kind) {
    const over = kind === "grid" ? this.view.over : "0";
    const model = this.models[Number(over)] ?? this.models[0];
    return `/api/masks/thumbnail?${new URLSearchParams({
      ...{ models: `${model.id}@${this.keyOf(model.id)}`, image: name },
      ...{ over: over in { truth: 0, photo: 0 } ? over : "model", side: kind === "grid" ? 256 : 128 },
    })}`;
  }

  // ---- zoom

  clampedScale(scale, width) {
    const across = this.scene?.photo?.width ?? this.scene?.models[0]?.mask?.width ?? 256;
    return Math.max(1, Math.min(scale, across / SMALLEST, (MOST_ZOOM * across) / width));
  }

  zoomTo([scale, x, y]) {
    const room = 1 - 1 / scale; // what is out of sight
    const within = (place) => Math.max(0, Math.min(room, place));
    // Rounded as in the address, so that a link shows the very same pixels.
    this.view.zoom = [scale, within(x), within(y)].map((part) => Math.round(part * 1e5) / 1e5);
    this.toolbar.draw();
    this.redraw();
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.keepAddress(), LATER_MS);
  }

  zoomAround(factor) {
    const stage = this.stages[0];
    const [scale, x, y] = this.view.zoom;
    const middle = { u: 0.5, v: 0.5, x: x + 0.5 / scale, y: y + 0.5 / scale };
    stage?.zoomBy(factor, this.point ?? middle);
  }

  pointAt(point) {
    this.point = point;
    for (const stage of this.stages) stage.drawCursor();
  }

  get stages() {
    if (this.view.layout === "swipe") return this.swipe ? [this.swipe.stage] : [];
    return [...this.panels.values()].map((panel) => panel.stage);
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.scene || this.gone) return;
      for (const stage of this.stages) stage.draw();
    });
  }

  // ---- keys

  key(event) {
    const { key, ctrlKey, altKey, metaKey, shiftKey } = event;
    if (ctrlKey || altKey || metaKey || needsKeys(event.composedPath()[0], key)) return;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [scale, x, y] = this.view.zoom;
    if (shiftKey && arrows[key]) {
      this.zoomTo([scale, x + (0.2 * arrows[key][0]) / scale, y + (0.2 * arrows[key][1]) / scale]);
    } else {
      const act = this.actions()[key.length === 1 ? key.toLowerCase() : key];
      if (!act) return;
      act();
    }
    event.preventDefault();
  }

  actions() {
    const { view } = this;
    const fills = Object.keys(FILLS);
    const columns = view.layout === "grid" ? this.thumbs.grid.columns : 0;
    return {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      ...(columns && { ArrowUp: () => this.step(-columns), ArrowDown: () => this.step(columns) }),
      ...(columns && { Enter: () => this.open(view.image) }),
      Home: () => this.step(-Infinity),
      End: () => this.step(Infinity),
      0: () => this.zoomTo(FIRST.zoom),
      "+": () => this.zoomAround(1.5),
      "=": () => this.zoomAround(1.5),
      "-": () => this.zoomAround(1 / 1.5),
      m: () => this.change({ view: "masks" }),
      e: () => this.change({ view: "errors" }),
      d: () => this.models.length > 1 && this.change({ view: "differences" }),
      o: () => this.change({ fill: fills[(fills.indexOf(view.fill) + 1) % fills.length] }),
      g: () => this.change({ layout: "grid" }),
      s: () => this.change({ layout: "swipe" }),
      p: () => this.change({ layout: "panels" }),
      f: () => (this.hovered ?? [...this.panels.values()][1])?.enlarge(),
    };
  }

  // ---- what is painted

  get specs() {
    const { view } = this;
    const differ = view.view === "differences" && this.models.length > 1;
    const specs = [this.photoSpec(), this.truthSpec()];
    this.models.forEach((model, place) => specs.push(this.modelSpec(model, place)));
    if (differ) specs.push(this.differenceSpec());
    return specs.map((spec) => ({ color: "", run: "", ...spec }));
  }

  specOf(side) {
    const { specs, view } = this;
    const first = this.models.length > 1 ? 2 : 1; // input and ground truth stand before the models
    return specs.find((spec) => spec.id === view[side]) ?? specs[first + (side === "right")];
  }

  photoSpec() {
    return {
      ...{ id: "photo", title: "Input", overlay: () => null, score: () => null, message: () => "" },
      note: (scene = this.scene) => (scene.photo ? sizeWords(scene.photo) : ""),
      under: () => "",
    };
  }

  truthSpec() {
    return {
      ...{ id: "truth", title: "Ground truth", score: () => null },
      note: (scene = this.scene) => (scene.truth ? sizeWords(scene.truth) : ""),
      message: (scene = this.scene) => (scene.trueLabels ? "" : "Not available"),
      overlay: (scene = this.scene) => this.masksOf(scene.trueLabels),
      under: (point) => this.nameAt(this.scene.trueLabels, point),
    };
  }

  modelSpec(model, place) {
    const of = (scene) => scene.models[place];
    return {
      ...{ id: model.id, run: model.id, title: model.label, color: model.color, sets: model.sets },
      note: (scene = this.scene) => of(scene).note,
      sized: () => of(this.scene).sized,
      message: (scene = this.scene) => of(scene).message || this.unscored(of(scene)),
      score: (scene = this.scene) => of(scene),
      overlay: (scene = this.scene) => {
        const { mask, truth, band } = of(scene);
        if (this.view.view !== "errors") return this.masksOf(mask);
        return mask && truth ? this.errorsOf(mask, truth, band) : null;
      },
      under: (point) => this.nameAt(of(this.scene).mask, point),
    };
  }

  unscored({ truth, mask }) {
    if (this.view.view !== "errors" || truth || !mask) return "";
    return "Errors cannot be shown without the ground truth.";
  }

  differenceSpec() {
    const of = (scene) => this.differencesOf(scene.models.map((model) => model.mask).filter(Boolean));
    return {
      ...{ id: "differences", title: "Differences", message: () => "", score: () => null },
      note: (scene = this.scene) => {
        const share = of(scene)?.share;
        return share === undefined ? "" : `the models differ on ${(100 * share).toFixed(1)} % of the pixels`;
      },
      overlay: (scene = this.scene) => of(scene),
      under: () => "",
    };
  }

  nameAt(labels, { x, y }) {
    if (!labels || x < 0 || y < 0 || x >= 1 || y >= 1) return "";
    const { width, height, bytes } = labels;
    const label = bytes[Math.floor(y * height) * width + Math.floor(x * width)];
    return label === this.data.void ? "void" : (this.data.classes[label]?.name ?? "");
  }

  // An overlay is painted once per way to look at it.
  paint(key, make) {
    if (!this.painted.has(key)) {
      if (this.painted.size > MOST_KEPT) this.painted.delete(this.painted.keys().next().value);
      this.painted.set(key, make());
    }
    return this.painted.get(key);
  }

  masksOf(labels) {
    if (!labels) return null;
    const { off, fill } = this.view;
    return this.paint(`masks ${labels.url} ${fill} ${off}`, () => ({
      ...{ width: labels.width, height: labels.height },
      raster: fill === "outline" ? null : paintMasks(labels, this.data, off),
      outlines: fill === "filled" ? null : outlinesOf(labels, this.data, off),
    }));
  }

  errorsOf(mask, truth, reach) {
    const band = this.view.band ? reach : 0;
    return this.paint(`errors ${mask.url} ${truth.url} ${this.view.class} ${band}`, () => ({
      ...{ width: mask.width, height: mask.height },
      raster: paintErrors(mask, truth, this.data, this.view.class, band),
    }));
  }

  differencesOf(masks) {
    if (masks.length < 2) return null;
    return this.paint(`differ ${masks.map((mask) => mask.url)}`, () => {
      const [{ width, height }] = masks;
      return { width, height, ...paintDifferences(masks) };
    });
  }

  toggle(label) {
    const { off } = this.view;
    this.change({ off: off.includes(label) ? off.filter((one) => one !== label) : [...off, label] });
  }

  // Alone; all of them again where it is alone already.
  showAlone(label) {
    const others = this.data.classes.map((_, one) => one).filter((one) => one !== label);
    const alone = others.every((one) => this.view.off.includes(one)) && !this.view.off.includes(label);
    this.change({ off: alone ? [] : others });
  }

  // ---- where things are

  // Which parts the layout has.
  lay() {
    const { layout } = this.view;
    const any = this.images.names.length > 0;
    this.row.hidden = layout !== "panels" || !any;
    this.thumbs.grid.root.hidden = layout !== "grid" || !any;
    this.thumbs.strip.root.hidden = layout === "grid" || !any;
    this.legend.hidden = !any;
    if (layout === "swipe" && !this.swipe) {
      this.swipe = new Swipe(this);
      this.row.after(this.swipe.root);
    }
    if (this.swipe) this.swipe.root.hidden = layout !== "swipe" || !any;
    if (layout === "grid") this.thumbs.grid.reveal();
    this.arrange(true);
  }

  draw() {
    this.toolbar.draw();
    if (!this.scene || !this.images.names.length) return;
    this.root.style.setProperty("--aspect", this.aspectOf(this.scene));
    drawLegend(this.legend, this);
    if (this.view.layout === "panels") this.drawPanels();
    else if (this.view.layout === "swipe") this.swipe.draw();
    this.arrange(true);
    this.redraw();
  }

  drawPanels() {
    const specs = this.specs;
    for (const [id, panel] of this.panels) {
      if (specs.some((spec) => spec.id === id)) continue;
      panel.remove();
      this.panels.delete(id);
    }
    for (const spec of specs) {
      const panel = this.panels.get(spec.id) ?? new Panel(this, spec);
      panel.spec = spec;
      this.panels.set(spec.id, panel);
      panel.draw();
    }
    const wanted = specs.map((spec) => this.panels.get(spec.id).root);
    if (wanted.some((root, place) => this.row.children[place] !== root)) this.row.append(...wanted);
  }

  // Of the photograph, else of the first mask.
  aspectOf(scene) {
    const of = scene.photo ?? scene.models.find((model) => model.mask)?.mask;
    return of ? of.width / of.height : 1;
  }

  arrange(anew = false) {
    const room = `${this.root.clientWidth} ${window.innerHeight} ${topOf(this.row)}`;
    if ((room === this.room && !anew) || document.fullscreenElement) return;
    this.room = room;
    const { layout } = this.view;
    const below = this.thumbs.strip.root.hidden ? GAP : this.thumbs.strip.root.offsetHeight + 2 * GAP;
    if (layout === "grid") {
      const top = topOf(this.thumbs.grid.root);
      this.thumbs.grid.root.style.height = `${Math.max(320, window.innerHeight - top - GAP)}px`;
      return this.thumbs.grid.fill();
    }
    if (!this.scene) return;
    const aspect = this.aspectOf(this.scene);
    if (layout === "swipe") this.swipe.arrange(aspect, below);
    else if (this.panels.size) {
      const panels = this.specs.map((spec) => this.panels.get(spec.id)).filter(Boolean);
      arrange(this.row, panels, aspect, below);
    }
  }

  // ---- files

  savings() {
    const name = `${this.view.image.replaceAll("/", "_")}-masks`;
    const figure = async (images) =>
      new FigureOf(this, await Promise.all(images.map((image) => this.sceneOf(image))));
    const at = this.images.names.indexOf(this.view.image);
    const some = this.images.names.slice(at, at + 4);
    const png = async (images, file) => saveAs(await (await figure(images)).png(), `${file}.png`);
    const svg = async (images, file) => saveAs((await figure(images)).svg(), `${file}.svg`);
    return [
      ["This comparison as PNG", () => png([this.view.image], name)],
      ["This comparison as SVG", () => svg([this.view.image], name)],
      ...(some.length > 1
        ? [
            [`These ${some.length} images as PNG`, () => png(some, `${name}-${some.length}`)],
            [`These ${some.length} images as SVG`, () => svg(some, `${name}-${some.length}`)],
          ]
        : []),
      ...this.models.map((model) => [
        `All masks of ${model.label} (zip)`,
        () => {
          const models = `${model.id}@${this.keyOf(model.id)}`;
          location.href = `/api/masks/all.zip?${new URLSearchParams({ models })}`;
        },
      ]),
    ];
  }
}

function sizeWords({ width, height }) {
  return `${width.toLocaleString("en")} × ${height.toLocaleString("en")} pixels`;
}

// Whether a key means something else there. A picker has no use for letters while it is closed, but
// the browser jumps to options that begin with them.
function needsKeys(target, key) {
  if (target.closest?.("input[type=range], [role=slider]")) return /^(Arrow|Home|End|Page)/.test(key);
  if (target.closest?.("input[type=checkbox], button, summary, [role=option]")) return key === " ";
  const picker = target.closest?.("[role=combobox]");
  if (picker) return picker.getAttribute("aria-expanded") === "true";
  return Boolean(
    target.closest?.("input, textarea, select, [role=listbox]:not(.thumbs), [contenteditable]"),
  );
}
