// Thumbnails of all images, of which only those in sight are made: a strip along the bottom, or a grid.

const THUMB = { strip: { width: 76, height: 56 }, grid: { width: 168, height: 164 } }; // px of a place
const AHEAD = 3; // places made beyond what is in sight

class Thumbs {
  constructor(lab, kind) {
    this.lab = lab;
    this.kind = kind;
    this.made = new Map(); // place in the order -> its button
    this.root = make("div", `thumbs ${kind}`);
    this.root.role = "listbox";
    this.root.ariaLabel = "Images";
    this.inner = this.root.appendChild(make("div", "inner"));
    this.root.addEventListener("scroll", () => this.fill(), { passive: true });
    this.watch = new ResizeObserver(() => this.fill());
    this.watch.observe(this.root);
  }

  remove() {
    this.watch.disconnect();
    this.root.remove();
  }

  get columns() {
    if (this.kind === "strip") return Infinity;
    return Math.max(1, Math.floor(this.root.clientWidth / THUMB.grid.width));
  }

  // The room of one: a grid takes the whole width.
  get place() {
    if (this.kind === "strip") return THUMB.strip;
    return { ...THUMB.grid, width: Math.floor(this.root.clientWidth / this.columns) };
  }

  // Show the images of the lab, the current one in sight.
  draw() {
    for (const button of this.made.values()) button.remove();
    this.made.clear();
    this.seen = null;
    this.fill();
    this.reveal();
  }

  fill() {
    const { names } = this.lab.images;
    const { width, height } = this.place;
    const columns = this.columns;
    const rows = columns === Infinity ? 1 : Math.ceil(names.length / columns);
    this.inner.style.width = columns === Infinity ? `${names.length * width}px` : "100%";
    this.inner.style.height = `${rows * height}px`;
    this.root.style.setProperty("--thumb", `${width - 8}px`);
    const across = columns === Infinity;
    const [start, room, size] = across
      ? [this.root.scrollLeft, this.root.clientWidth, width]
      : [this.root.scrollTop, this.root.clientHeight, height];
    const per = across ? 1 : columns;
    const first = Math.max(0, Math.floor(start / size) - AHEAD) * per;
    const last = Math.min(names.length, (Math.ceil((start + room) / size) + AHEAD) * per);
    for (const [place, button] of this.made) {
      if (place >= first && place < last) continue;
      button.remove();
      this.made.delete(place);
    }
    for (let place = first; place < last; place++) {
      const button = this.made.get(place) ?? this.make(place);
      const [column, row] = across ? [place, 0] : [place % columns, Math.floor(place / columns)];
      button.style.transform = `translate(${column * width}px, ${row * height}px)`;
    }
    this.mark();
  }

  make(place) {
    const { lab } = this;
    const name = lab.images.names[place];
    const button = this.inner.appendChild(make("button", "thumb"));
    Object.assign(button, { type: "button", role: "option", title: name, tabIndex: -1 });
    button.dataset.image = name;
    const picture = button.appendChild(make("img"));
    Object.assign(picture, { alt: name, draggable: false, src: lab.thumbnail(name, this.kind) });
    if (this.kind === "grid") {
      button.append(make("span", "words", name));
      button.append(make("span", "value", lab.valueOf(place)));
    }
    button.onclick = () => lab.open(name);
    this.made.set(place, button);
    return button;
  }

  mark() {
    const current = this.lab.images.names.indexOf(this.lab.view.image);
    for (const [place, button] of this.made) {
      button.ariaSelected = String(place === current);
      button.tabIndex = place === current ? 0 : -1;
    }
  }

  // Move the current image into sight, unless it was there already.
  reveal() {
    const place = this.lab.images.names.indexOf(this.lab.view.image);
    if (place >= 0 && this.seen !== place) {
      const { width, height } = this.place;
      const [start, room, size] =
        this.kind === "strip"
          ? [place * width, this.root.clientWidth, width]
          : [Math.floor(place / this.columns) * height, this.root.clientHeight, height];
      const side = this.kind === "strip" ? "scrollLeft" : "scrollTop";
      const now = this.root[side];
      if (start < now || start + size > now + room) this.root[side] = start - (room - size) / 2;
      this.seen = place;
    }
    this.fill();
  }
}
