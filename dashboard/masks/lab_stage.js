// One picture on a canvas: a photograph with masks over it. Every stage shows the same part of the image,
// which a person zooms and moves with wheel, pointer, fingers or keys. All is drawn in the pixels of the
// screen, so that the edges of masks are where they belong at every scale of the screen.

const MOST_ZOOM = 64; // screen pixels of one pixel of the image
const SQUARES = 6; // from so many screen pixels on, those of a photograph are squares too
const OUTLINE = 2; // px of width

class Stage {
  constructor(lab, content) {
    this.lab = lab;
    this.content = content; // {layers(stage) -> [{overlay, from, to}]}
    this.element = make("div", "stage");
    this.canvas = this.element.appendChild(make("canvas"));
    this.context = this.canvas.getContext("2d");
    this.cursor = this.element.appendChild(make("span", "cursor"));
    this.under = this.element.appendChild(make("span", "under"));
    this.message = this.element.appendChild(make("span", "message"));
    this.cursor.hidden = this.under.hidden = this.message.hidden = true;
    this.fingers = new Map(); // pointer id -> event
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(this.canvas);
    this.listen();
  }

  remove() {
    this.watch.disconnect();
    this.element.remove();
  }

  // As many pixels as the canvas has on the screen.
  fit() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const [wide, high] = [width, height].map((side) => Math.max(1, Math.round(side * devicePixelRatio)));
    if (wide === this.canvas.width && high === this.canvas.height) return;
    Object.assign(this.canvas, { width: wide, height: high });
    this.draw();
  }

  // Where the whole image lies, in pixels of the canvas.
  box() {
    const [scale, x, y] = this.lab.view.zoom;
    const { width, height } = this.canvas;
    return {
      ...{ left: -x * scale * width, top: -y * scale * height },
      ...{ width: scale * width, height: scale * height },
    };
  }

  draw() {
    const { context, canvas } = this;
    context.globalAlpha = 1;
    context.fillStyle = "#808080";
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.drawPhoto();
    for (const { overlay, from = 0, to = 1 } of this.content.layers()) {
      context.save();
      context.beginPath();
      context.rect(from * canvas.width, 0, (to - from) * canvas.width, canvas.height);
      context.clip();
      if (overlay) this.drawOverlay(overlay);
      context.restore();
    }
    this.drawCursor();
  }

  drawPhoto() {
    const { photo, whole } = this.lab.scene;
    if (!whole) return;
    const box = this.box();
    const { context } = this;
    const magnified = box.width / photo.width; // screen pixels of a pixel of the photograph
    context.imageSmoothingEnabled = magnified < SQUARES;
    context.imageSmoothingQuality = "high";
    context.drawImage(whole, box.left, box.top, box.width, box.height);
    if (photo.level > 0 && magnified > 1.1 / 2 ** photo.level) this.drawTiles(photo, box, magnified);
  }

  // Only what is in sight, at the lowest resolution that is sharp on this screen.
  drawTiles(photo, box, magnified) {
    const level = Math.min(photo.level - 1, Math.max(0, Math.floor(Math.log2(1 / magnified))));
    const step = TILE * 2 ** level;
    const { canvas, context, lab } = this;
    const first = (start, side) => Math.max(0, Math.floor(-start / side / step));
    const last = (start, side, room, most) =>
      Math.min(Math.ceil(most / step), Math.ceil((room - start) / side / step));
    const [wide, high] = [box.width / photo.width, box.height / photo.height];
    for (let row = first(box.top, high); row < last(box.top, high, canvas.height, photo.height); row++) {
      for (
        let column = first(box.left, wide);
        column < last(box.left, wide, canvas.width, photo.width);
        column++
      ) {
        const tile = lab.source.tile(photo, level, column, row);
        if (!tile) continue;
        const [left, top] = [column * step, row * step];
        const width = Math.min(step, photo.width - left) * wide;
        const height = Math.min(step, photo.height - top) * high;
        context.drawImage(tile, box.left + left * wide, box.top + top * high, width, height);
      }
    }
  }

  drawOverlay({ raster: picture, outlines, width, height }) {
    const { context, canvas, lab } = this;
    const box = this.box();
    context.globalAlpha = lab.view.opacity / 100;
    context.imageSmoothingEnabled = false; // pixels of masks are squares
    if (picture) {
      const [wide, high] = [box.width / width, box.height / height];
      const left = Math.max(0, Math.floor(-box.left / wide));
      const top = Math.max(0, Math.floor(-box.top / high));
      const across = Math.min(width, Math.ceil((canvas.width - box.left) / wide)) - left;
      const down = Math.min(height, Math.ceil((canvas.height - box.top) / high)) - top;
      const [x, y] = [box.left + left * wide, box.top + top * high];
      context.drawImage(picture, left, top, across, down, x, y, across * wide, down * high);
    }
    if (!outlines) return;
    context.globalAlpha = 1;
    const place = new DOMMatrix([box.width / width, 0, 0, box.height / height, box.left, box.top]);
    context.lineJoin = context.lineCap = "round";
    for (const [color, path] of outlines) {
      const placed = new Path2D();
      placed.addPath(path, place);
      for (const [style, more] of [["rgb(0 0 0 / 55%)", 1.5], [color, 0]]) {
        context.strokeStyle = style;
        context.lineWidth = (OUTLINE + more) * devicePixelRatio;
        context.stroke(placed);
      }
    }
  }

  // The place that is under the pointer, on whichever stage the pointer is.
  drawCursor() {
    const { point, view } = this.lab;
    const words = point ? this.content.under(point) : "";
    setText(this.under, words);
    this.under.hidden = !words;
    const [scale, x, y] = view.zoom;
    this.cursor.hidden = !point || point.stage === this;
    if (!point) return;
    const [left, top] = [(point.x - x) * scale, (point.y - y) * scale];
    this.cursor.hidden ||= left < 0 || top < 0 || left > 1 || top > 1;
    this.cursor.style.cssText = `left:${100 * left}%;top:${100 * top}%`;
  }

  // Of a pointer: where in the stage (from 0 to 1), and where in the image.
  placeOf(event) {
    const room = this.canvas.getBoundingClientRect();
    const [u, v] = [(event.clientX - room.left) / room.width, (event.clientY - room.top) / room.height];
    const [scale, x, y] = this.lab.view.zoom;
    return { u, v, x: x + u / scale, y: y + v / scale, stage: this };
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const steps = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
        this.zoomBy(Math.exp(-Math.max(-240, Math.min(240, steps)) / 400), this.placeOf(event));
      },
      { passive: false },
    );
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.fingers.set(event.pointerId, event);
    });
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.fingers.delete(event.pointerId));
    }
    canvas.addEventListener("pointerleave", () => this.lab.pointAt(null));
    canvas.addEventListener("dblclick", () => this.lab.zoomTo([1, 0, 0]));
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    this.lab.pointAt(this.placeOf(event));
    if (!before) return;
    const room = this.canvas.getBoundingClientRect();
    const [scale, x, y] = this.lab.view.zoom;
    if (this.fingers.size === 1) {
      const moved = [event.clientX - before.clientX, event.clientY - before.clientY];
      this.lab.zoomTo([
        ...[scale, x - moved[0] / room.width / scale, y - moved[1] / room.height / scale],
      ]);
    } else {
      const other = [...this.fingers].find(([id]) => id !== event.pointerId)[1];
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      if (apart(before) > 0) this.zoomBy(apart(event) / apart(before), this.placeOf(other));
    }
    this.fingers.set(event.pointerId, event);
  }

  // What is at that place stays there.
  zoomBy(factor, { u, v, x, y }) {
    const scale = this.lab.clampedScale(this.lab.view.zoom[0] * factor, this.canvas.width);
    this.lab.zoomTo([scale, x - u / scale, y - v / scale]);
  }
}
