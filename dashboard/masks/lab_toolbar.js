// The controls: which image, in which order, and how masks are looked at.

const VIEWS = { masks: "Masks", errors: "Errors", differences: "Differences" };
const LAYOUTS = { panels: "Side by side", swipe: "Swipe", grid: "Grid" };
const FILLS = { filled: "Filled", outline: "Outline", both: "Filled, outlined" };
// Order -> its words, and what its numbers are: M a model, C a class.
const ORDERS = {
  name: ["Name", ""],
  mean: ["Hardest first", ""],
  spread: ["Largest gap first", "", 2],
  differ: ["Models differ most first", "", 2],
  miou: ["Lowest mIoU of a model first", "M"],
  iou: ["Lowest IoU of a class first", "MC"],
  gap: ["One model beats another", "MM", 2],
  share: ["Largest share of a class first", "C"],
  cell: ["Most pixels confused", "MCC"],
};
const ORDER_WORDS = { M: ["Model", "Other model"], C: ["Class", "Predicted as"] };
const KEYS = [
  ["← →", "previous and next image"],
  ["+ −", "zoom; the wheel and two fingers do the same"],
  ["Shift and arrows", "move; or drag"],
  ["0", "whole image; or double-click"],
  ["M E D", "masks, errors, differences"],
  ["O", "filled, outline, both"],
  ["G S P", "grid, swipe, side by side"],
  ["F", "full screen of the panel under the pointer"],
];

class Toolbar {
  constructor(lab) {
    this.lab = lab;
    this.root = make("div", "tools");
    this.images = this.root.appendChild(make("div", "bar"));
    this.looks = this.root.appendChild(make("div", "bar"));
    this.buildImages();
    this.buildLooks();
  }

  buildImages() {
    const { lab, images } = this;
    this.previous = button(images, "‹", "Previous image (left arrow)", () => lab.step(-1));
    this.next = button(images, "›", "Next image (right arrow)", () => lab.step(1));
    this.place = images.appendChild(make("span", "place"));
    this.order = picker(images, "Order", (kind) => lab.change({ order: firstOf(kind, lab) }));
    this.numbers = images.appendChild(make("span", "numbers"));
    this.kind = picker(images, "Kind", (kind) => lab.change({ kind }));
    this.find = images.appendChild(make("input"));
    Object.assign(this.find, { type: "search", placeholder: "Find images", ariaLabel: "Find images" });
    this.find.oninput = () => lab.change({ find: this.find.value });
    images.append(menu("Save", "Save pictures and masks", () => lab.savings()));
    images.append(menu("Keys", "Keys", () => KEYS));
  }

  buildLooks() {
    const { lab, looks } = this;
    this.view = choice(looks, "What the predictions show", VIEWS, (view) => lab.change({ view }));
    this.class = picker(looks, "Class", (label) => lab.change({ class: Number(label) }));
    this.band = check(looks, "Edges only", (band) => lab.change({ band }));
    this.fill = picker(looks, "Masks are", (fill) => lab.change({ fill }));
    this.fill.replaceChildren(...options(Object.entries(FILLS)));
    this.opacity = slider(looks, (opacity) => lab.change({ opacity }));
    this.layout = choice(looks, "Layout", LAYOUTS, (layout) => lab.change({ layout }));
    this.over = picker(looks, "Thumbnails show", (over) => lab.change({ over }));
    this.zoom = looks.appendChild(make("span", "zoom"));
    button(this.zoom, "−", "Zoom out (minus)", () => lab.zoomAround(1 / 1.5));
    this.scale = button(this.zoom, "1×", "Whole image (0)", () => lab.zoomTo([1, 0, 0]));
    button(this.zoom, "+", "Zoom in (plus)", () => lab.zoomAround(1.5));
  }

  draw() {
    const { lab } = this;
    const { view, images, data } = lab;
    const at = images.names.indexOf(view.image);
    this.previous.disabled = at <= 0;
    this.next.disabled = at < 0 || at === images.names.length - 1;
    const count = images.names.length.toLocaleString("en");
    const of = images.names.length < images.total ? ` (${images.total.toLocaleString("en")} in all)` : "";
    setText(this.place, at < 0 ? "" : `${view.image} · ${(at + 1).toLocaleString("en")} of ${count}${of}`);
    this.place.title = this.place.textContent;
    this.drawOrder();
    this.kind.hidden = !images.kinds.length;
    fillPicker(this.kind, [
      ["", "All kinds"],
      ...images.kinds.map(([kind, many]) => [kind, `${kind} (${many.toLocaleString("en")})`]),
    ]);
    this.kind.value = view.kind;
    if (this.find !== this.find.getRootNode().activeElement) this.find.value = view.find;
    const grid = view.layout === "grid";
    for (const part of [this.view, this.fill, this.opacity, this.zoom]) part.hidden = grid;
    press(this.view, view.view);
    this.view.children[2].disabled = lab.models.length < 2;
    press(this.layout, view.layout);
    const errors = view.view === "errors" && !grid;
    this.class.hidden = this.band.hidden = !errors;
    fillPicker(this.class, [
      ["-1", "All classes"],
      ...data.classes.map((info, label) => [String(label), `Only ${info.name}`]),
    ]);
    this.class.value = String(view.class);
    this.band.firstChild.checked = view.band;
    this.fill.hidden ||= errors;
    this.fill.value = view.fill;
    this.over.hidden = !grid;
    fillPicker(this.over, [
      ...lab.models.map((model, place) => [String(place), model.label]),
      ...[["truth", "Ground truth"], ["photo", "Photograph"]],
    ]);
    this.over.value = view.over;
    setText(this.scale, `${view.zoom[0] < 10 ? Math.round(view.zoom[0] * 10) / 10 : Math.round(view.zoom[0])}×`);
    showOpacity(this.opacity, view.opacity);
  }

  drawOrder() {
    const { lab } = this;
    const [kind, ...numbers] = lab.view.order.split(":");
    const several = lab.models.length;
    const known = Object.entries(ORDERS).filter(([, [, , least = 1]]) => several >= least);
    fillPicker(this.order, known.map(([word, [words]]) => [word, words]));
    this.order.value = kind;
    const kinds = [...(ORDERS[kind]?.[1] ?? "")];
    const text = JSON.stringify([kinds, lab.models.map((model) => model.label), lab.view.order]);
    if (this.numbers.dataset.made === text) return;
    this.numbers.dataset.made = text;
    const seen = { M: 0, C: 0 };
    this.numbers.replaceChildren(
      ...kinds.map((what, place) => {
        const select = make("select");
        select.ariaLabel = ORDER_WORDS[what][seen[what]++];
        const names = what === "M" ? lab.models.map((model) => model.label) : classNames(lab.data);
        const prefix = what === "C" && kind === "cell" ? (seen.C === 1 ? "true " : "as ") : "";
        select.append(...options(names.map((name, at) => [String(at), prefix + name])));
        select.value = numbers[place];
        select.onchange = () => {
          numbers[place] = select.value;
          lab.change({ order: [kind, ...numbers].join(":") });
        };
        return select;
      }),
    );
  }
}

function classNames({ classes }) {
  return classes.map((info) => info.name);
}

// An order with numbers that are different where two of a kind are asked for.
function firstOf(kind, lab) {
  const seen = { M: 0, C: 0 };
  const most = { M: lab.models.length - 1, C: lab.data.classes.length - 1 };
  const numbers = [...ORDERS[kind][1]].map((what) => Math.min(most[what], seen[what]++));
  return [kind, ...numbers].join(":");
}

function button(place, words, title, press) {
  const made = place.appendChild(make("button", "", words));
  Object.assign(made, { type: "button", title, ariaLabel: title.replace(/ \(.*/, ""), onclick: press });
  return made;
}

function picker(place, words, pick) {
  const select = place.appendChild(make("select"));
  select.ariaLabel = words;
  select.title = words;
  select.onchange = () => pick(select.value);
  return select;
}

function options(pairs) {
  return pairs.map(([value, words]) => Object.assign(make("option", "", words), { value }));
}

function fillPicker(select, pairs) {
  const text = JSON.stringify(pairs);
  if (select.dataset.made === text) return;
  select.dataset.made = text;
  select.replaceChildren(...options(pairs));
}

function choice(place, words, values, pick) {
  const group = place.appendChild(make("div", "choice"));
  group.role = "group";
  group.ariaLabel = words;
  for (const [value, word] of Object.entries(values)) {
    const made = button(group, word, word, () => pick(value));
    made.dataset.value = value;
  }
  return group;
}

function press(group, value) {
  for (const made of group.children) made.ariaPressed = String(made.dataset.value === value);
}

function check(place, words, pick) {
  const label = place.appendChild(make("label", "check"));
  const box = label.appendChild(make("input"));
  Object.assign(box, { type: "checkbox", onchange: () => pick(box.checked) });
  label.append(make("span", "", words));
  return label;
}

function slider(place, pick) {
  const label = place.appendChild(make("label", "opacity"));
  label.append(make("span", "", "Opacity"));
  const input = label.appendChild(make("input"));
  Object.assign(input, { type: "range", min: 0, max: 100, step: 1 });
  input.ariaLabel = "Opacity of all masks in percent";
  input.oninput = () => pick(Number(input.value));
  label.append(make("output"));
  return label;
}

function showOpacity(label, opacity) {
  const [, input, output] = label.children;
  input.value = opacity;
  label.style.setProperty("--share", opacity / 100);
  setText(output, `${opacity} %`);
}

// A button with a list below it: [words, what to do] as buttons, or [key, words] to read.
function menu(words, title, items) {
  const details = make("details", "menu");
  const summary = details.appendChild(make("summary", "", words));
  summary.title = title;
  const list = details.appendChild(make("div", "items"));
  details.ontoggle = () => {
    if (!details.open) return;
    list.replaceChildren(
      ...items().map(([first, second]) => {
        if (typeof second === "string") {
          const line = make("div", "line");
          line.append(make("kbd", "", first), make("span", "", second));
          return line;
        }
        const made = make("button", "", first);
        made.type = "button";
        made.onclick = () => {
          details.open = false;
          second();
        };
        return made;
      }),
    );
  };
  details.addEventListener("focusout", (event) => {
    if (!details.contains(event.relatedTarget)) details.open = false;
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation();
    details.open = false;
    summary.focus();
  });
  return details;
}

// The classes as buttons: a press shows or hides one, "only" shows it alone. Or what errors look like.
function drawLegend(place, lab) {
  const { view, data, scene } = lab;
  const look = JSON.stringify([view.view, view.off, view.class, data.classes, scene.void, lab.share]);
  if (place.dataset.drawn === look) return;
  place.dataset.drawn = look;
  const focused = place.getRootNode().activeElement?.dataset?.legend;
  const items = { errors: errorItems, differences: differenceItems }[view.view];
  place.replaceChildren(...(items ? items(lab).map(readOnly) : classItems(lab)));
  if (focused) place.querySelector(`[data-legend="${focused}"]`)?.focus();
}

function readOnly([look, words]) {
  const key = make("span", "key");
  key.append(chip(look), make("span", "", words));
  return key;
}

function classItems(lab) {
  const { view, data, scene } = lab;
  const items = data.classes.map((info, label) => {
    if (!info.filled) return readOnly([info, `${info.name} (unfilled)`]);
    const key = make("span", "key");
    const shown = !view.off.includes(label);
    const toggle = button(key, "", `Show ${info.name}`, () => lab.toggle(label));
    toggle.ariaPressed = String(shown);
    toggle.dataset.legend = `class${label}`;
    toggle.append(chip(info), make("span", "", info.name));
    const only = button(key, "only", `Show ${info.name} alone`, () => lab.showAlone(label));
    only.className = "only";
    only.dataset.legend = `only${label}`;
    return key;
  });
  const hatched = { color: "", filled: false, hatched: true };
  if (scene.void) items.push(readOnly([hatched, "void (hatched, not counted)"]));
  return items;
}

// Only the errors that these classes allow.
function errorItems({ view, data: { classes, errors }, scene }) {
  const items = [];
  const add = (color, words) => items.push([{ color, filled: true }, words]);
  if (view.class >= 0) {
    const { name } = classes[view.class];
    add(errors.hit, `${name}, found (true positive)`);
    add(errors.missed, `${name}, missed (false negative)`);
    add(errors.false_alarm, `not ${name}, but predicted so (false positive)`);
  } else {
    const background = classes.find((info) => !info.filled)?.name;
    if (background) {
      add(errors.missed, `missed: predicted as ${background}`);
      add(errors.false_alarm, `false alarm: ${background} predicted as something`);
    }
    if (classes.filter((info) => info.filled).length > 1) {
      add(errors.wrong, "wrong: one class predicted as another");
    }
  }
  if (scene.void) items.push([{ filled: false, hatched: true }, "void (hatched, not counted)"]);
  return items;
}

function differenceItems(lab) {
  const many = lab.models.length;
  if (many === 2) return [[{ color: HEAT[2], filled: true }, "the two models differ"]];
  return [
    [{ color: HEAT[0], filled: true }, "few models differ from the others"],
    [{ color: HEAT[1], filled: true }, "more do"],
    [{ color: HEAT[2], filled: true }, "each says something else"],
  ];
}
