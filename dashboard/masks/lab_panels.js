// The panels side by side, each with its title, its note and its scores; or two of them on one stage with
// a divider that a person moves.

const FEW = 8; // classes: of more, only those that the image holds are listed
const NOTHING = "–"; // stands where there is no IoU
const GAP = 16; // px between panels, as in the style sheet
const LEAST = 132; // px of width: smaller pictures show nothing, so the page scrolls instead
const READABLE = 220; // px of width of a panel on a page that scrolls
const NARROW = 300; // px of width: below it, scores do without the names of the classes
const STEP = 0.02; // of the divider, by the keyboard

class Panel {
  constructor(lab, spec) {
    this.lab = lab;
    this.spec = spec;
    this.root = make("figure", "panel");
    this.root.dataset.panel = spec.id;
    this.title = this.root.appendChild(make("figcaption", "title"));
    this.dot = this.title.appendChild(make("span", "dot"));
    this.name = this.title.appendChild(make("span", "name"));
    this.full = this.title.appendChild(make("button", "full", "⤢"));
    Object.assign(this.full, { type: "button", title: "Full screen (F)", ariaLabel: "Full screen" });
    this.full.onclick = () => this.enlarge();
    this.note = this.root.appendChild(make("div", "note"));
    this.sets = this.note.appendChild(make("select"));
    this.words = this.note.appendChild(make("span"));
    this.sets.onchange = () => lab.choose(spec.run, this.sets.value);
    this.stage = new Stage(lab, {
      layers: () => [{ overlay: spec.overlay() }],
      under: (point) => spec.under(point),
    });
    this.root.append(this.stage.element);
    this.scores = this.root.appendChild(make("div", "scores"));
    this.root.onpointerenter = () => (lab.hovered = this);
  }

  remove() {
    this.stage.remove();
    this.root.remove();
  }

  enlarge() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }

  draw() {
    const { spec, lab } = this;
    this.dot.hidden = !spec.color;
    this.dot.style.background = spec.color;
    setText(this.name, spec.title);
    this.name.title = spec.title;
    setText(this.words, spec.sets?.length > 1 ? spec.sized() : spec.note());
    this.drawSets();
    const message = spec.message();
    setText(this.stage.message, message);
    this.stage.message.hidden = !message;
    this.stage.canvas.ariaLabel = `${spec.title} of ${lab.scene.name}`;
    this.stage.canvas.role = "img";
    drawScores(this.scores, spec.score(), lab);
  }

  // Which weights: best, or the epoch of a validation; nothing to choose where there is one.
  drawSets() {
    const sets = this.spec.sets ?? [];
    this.sets.hidden = sets.length < 2;
    if (this.sets.hidden) return;
    const text = JSON.stringify(sets);
    if (this.sets.dataset.sets !== text) {
      this.sets.dataset.sets = text;
      this.sets.ariaLabel = `Weights of ${this.spec.title}`;
      this.sets.replaceChildren(
        ...sets.map(([key, words]) => Object.assign(make("option", "", words), { value: key })),
      );
    }
    this.sets.value = this.lab.keyOf(this.spec.run);
  }
}

function drawScores(place, score, lab) {
  place.replaceChildren();
  if (!score || score.miou === null) return;
  const { classes } = lab.data;
  place.append(make("span", "miou", `mIoU ${score.miou.toFixed(3)}`));
  const many = classes.length > FEW;
  const list = make("span", many ? "classes many" : "classes");
  const held = (label) => lab.scene.models.some((model) => (model.iou[label] ?? null) !== null);
  const shown = classes.map((info, label) => [info, label]).filter(([, label]) => !many || held(label));
  for (const [info, label] of shown) {
    const key = make("span", "key");
    key.title = `IoU of ${info.name}`;
    const value = score.iou[label] ?? null;
    key.append(chip(info, "small"), make("span", "name", info.name));
    key.append(make("span", "value", value === null ? NOTHING : value.toFixed(3)));
    list.append(key);
  }
  const absent = classes.length - shown.length;
  if (absent) list.append(make("span", "absent", `${absent} classes are not in this image.`));
  place.append(list);
}

function chip(look, size = "") {
  const mark = make("span", `chip ${size}`);
  if (look.filled) mark.style.background = look.color;
  mark.classList.toggle("hatched", Boolean(look.hatched));
  return mark;
}

// As many columns as make the pictures largest while all panels are in sight.
function arrange(row, panels, aspect, below) {
  const count = panels.length;
  const width = row.clientWidth;
  const height = window.innerHeight - topOf(row) - below;
  const put = (columns, picture) => {
    row.style.setProperty("--columns", columns);
    row.style.setProperty("--width", `${Math.floor(picture)}px`);
    row.classList.toggle("narrow", picture < NARROW);
  };
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const widest = (width - GAP * (columns - 1)) / columns;
    let [picture, before] = [widest, Infinity];
    while (picture < before && picture >= LEAST) {
      before = picture;
      put(columns, picture); // words break into more lines in less width, so look again
      const high = (height - GAP * (rows - 1)) / rows - heightOfWords(panels);
      picture = Math.floor(Math.min(picture, high * aspect));
    }
    if (picture > best.width) best = { columns, width: picture };
  }
  if (best.width >= LEAST) return put(best.columns, best.width);
  const most = Math.max(1, Math.floor((width + GAP) / (READABLE + GAP)));
  const columns = Math.ceil(count / Math.ceil(count / most));
  put(columns, (width - GAP * (columns - 1)) / columns);
}

// Where a row begins on the page as it is before anyone scrolls.
function topOf(row) {
  const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
  return Math.round(row.getBoundingClientRect().top + scrolled);
}

// Of a row of panels, all but the pictures: titles, notes and scores.
function heightOfWords(panels) {
  const highest = (part) => Math.max(...panels.map((panel) => panel[part].offsetHeight));
  return highest("title") + highest("note") + highest("scores") + 2 * 8; // with their margins
}

// Two panels on one stage: the left one up to the divider, the right one beyond it.
class Swipe {
  constructor(lab) {
    this.lab = lab;
    this.share = 0.5;
    this.root = make("div", "swipe");
    this.ends = make("div", "ends");
    this.left = this.picker("left", "Left");
    this.right = this.picker("right", "Right");
    this.stage = new Stage(lab, {
      layers: () => [
        { overlay: lab.specOf("left").overlay(), to: this.share },
        { overlay: lab.specOf("right").overlay(), from: this.share },
      ],
      under: (point) => this.under(point),
    });
    this.divider = this.stage.element.appendChild(make("div", "divider"));
    Object.assign(this.divider, { role: "slider", tabIndex: 0, ariaLabel: "Divider" });
    Object.assign(this.divider, { ariaValueMin: "0", ariaValueMax: "100" });
    this.root.append(this.ends, this.stage.element);
    this.listen();
    this.set(0.5);
  }

  picker(side, words) {
    const select = this.ends.appendChild(make("select"));
    select.ariaLabel = words;
    select.onchange = () => this.lab.change({ [side]: select.value });
    return select;
  }

  under(point) {
    const [, x] = this.lab.view.zoom;
    const left = (point.x - x) * this.lab.view.zoom[0] < this.share;
    const words = ["left", "right"].map((side) => this.lab.specOf(side).under(point));
    return left ? words[0] : words[1];
  }

  listen() {
    const { divider } = this;
    divider.onpointerdown = (event) => divider.setPointerCapture(event.pointerId);
    divider.onpointermove = (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const room = this.stage.canvas.getBoundingClientRect();
      this.set((event.clientX - room.left) / room.width);
    };
    divider.onkeydown = (event) => {
      const step = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -1, End: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.set(this.share + step);
    };
  }

  set(share) {
    this.share = Math.max(0, Math.min(1, share));
    this.divider.style.left = `${100 * this.share}%`;
    this.divider.ariaValueNow = String(Math.round(100 * this.share));
    if (this.lab.scene) this.stage.draw();
  }

  draw() {
    const specs = this.lab.specs;
    for (const [side, select] of [["left", this.left], ["right", this.right]]) {
      select.replaceChildren(
        ...specs.map((spec) => Object.assign(make("option", "", spec.title), { value: spec.id })),
      );
      select.value = this.lab.specOf(side).id;
    }
  }

  // As large as there is room for.
  arrange(aspect, below) {
    const room = window.innerHeight - topOf(this.stage.element) - below;
    const width = Math.min(this.root.clientWidth, room * aspect);
    this.stage.element.style.width = `${Math.max(READABLE, Math.floor(width))}px`;
  }

  remove() {
    this.stage.remove();
    this.root.remove();
  }
}
