// What is seen, as files: a figure for a paper as PNG or SVG.

const FIGURE = { side: 480, gap: 16, margin: 16, font: 20 }; // px, of a PNG at twice the size of a page

// The panels of some scenes as a figure: one row per image, its columns the panels, below them a legend.
class FigureOf {
  constructor(lab, scenes) {
    this.lab = lab;
    this.scenes = scenes;
    this.specs = lab.specs;
    const { side, gap, margin, font } = FIGURE;
    const aspect = lab.aspectOf(scenes[0]);
    this.cell = { width: side, height: Math.round(side / aspect) };
    this.line = Math.round(font * 1.4);
    this.rowHeight = this.cell.height + this.line + gap;
    this.width = 2 * margin + this.specs.length * (side + gap) - gap;
    this.legend = this.legendRows();
    this.top = margin + 2 * this.line;
    const legendHeight = this.legend.length * this.line;
    this.height = this.top + scenes.length * this.rowHeight + legendHeight + margin;
  }

  // [what it looks like, words] in lines that fit.
  legendRows() {
    const probe = document.createElement("canvas").getContext("2d");
    probe.font = fontOf(FIGURE.font);
    const { lab } = this;
    const items = { errors: errorItems, differences: differenceItems }[lab.view.view];
    const all = items
      ? items(lab)
      : lab.data.classes
          .filter((info, label) => info.filled && !lab.view.off.includes(label))
          .map((info) => [info, info.name]);
    const rows = [[]];
    let used = 0;
    for (const [look, words] of all) {
      const width = probe.measureText(words).width + 3 * FIGURE.font;
      if (used && used + width > this.width - 2 * FIGURE.margin) {
        rows.push([]);
        used = 0;
      }
      rows[rows.length - 1].push({ look, words, left: FIGURE.margin + used });
      used += width;
    }
    return rows;
  }

  // Calls `picture(left, top, canvas)`, `text(left, top, words, {bold, most})`, `mark(left, top, color)`.
  lay({ picture, text, mark }) {
    const { gap, margin, font, side } = FIGURE;
    const left = (column) => margin + column * (side + gap);
    this.specs.forEach((spec, column) => {
      text(left(column), margin, spec.title, { bold: true, most: side });
      text(left(column), margin + this.line, spec.note(), { most: side });
    });
    this.scenes.forEach((scene, row) => {
      const top = this.top + row * this.rowHeight;
      this.specs.forEach((spec, column) => {
        picture(left(column), top, this.drawn(scene, spec));
        const score = column === 0 ? scene.name : scoreWords(spec.score(scene));
        text(left(column), top + this.cell.height + 4, score, { most: side });
      });
    });
    this.legend.forEach((items, row) => {
      const top = this.top + this.scenes.length * this.rowHeight + row * this.line;
      for (const { look, words, left: from } of items) {
        mark(from, top + 3, look.hatched ? VOID_COLOR : look.color);
        text(from + 1.4 * font, top, words, {});
      }
    });
  }

  // One panel as a canvas, drawn as on the page, the whole image.
  drawn(scene, spec) {
    const { lab } = this;
    const { width, height } = this.cell;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const content = { layers: () => [{ overlay: spec.overlay(scene) }], under: () => "" };
    const away = { hidden: true, style: {}, textContent: "" };
    const shown = this.scenes.length === 1 ? lab.view : { ...lab.view, zoom: FIRST.zoom };
    const stand = { ...{ source: lab.source, scene, view: shown, point: null } };
    const stage = Object.assign(Object.create(Stage.prototype), {
      ...{ lab: stand, content, canvas, context: canvas.getContext("2d"), cursor: away, under: away },
    });
    stage.draw();
    return canvas;
  }

  png() {
    const { width, height } = this;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.textBaseline = "top";
    this.lay({
      picture: (left, top, drawn) => context.drawImage(drawn, left, top),
      text: (left, top, words, { bold, most }) => {
        context.fillStyle = "#111111";
        context.font = fontOf(FIGURE.font, bold);
        context.fillText(words, left, top, most);
      },
      mark: (left, top, color) => {
        context.fillStyle = color;
        context.fillRect(left, top, FIGURE.font - 4, FIGURE.font - 4);
      },
    });
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  svg() {
    const parts = [];
    const plain = (words) =>
      words.replace(/[&<>"]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter]);
    const { font } = FIGURE;
    const { width, height } = this.cell;
    this.lay({
      picture: (left, top, drawn) =>
        parts.push(
          `<image x="${left}" y="${top}" width="${width}" height="${height}" href="${drawn.toDataURL()}"/>`,
        ),
      text: (left, top, words, { bold, most }) =>
        parts.push(
          `<text x="${left}" y="${top + font}"${bold ? ' font-weight="600"' : ""}` +
            `${tooLong(words, bold, most) ? ` textLength="${most}" lengthAdjust="spacingAndGlyphs"` : ""}>` +
            `${plain(words)}</text>`,
        ),
      mark: (left, top, color) =>
        parts.push(
          `<rect x="${left}" y="${top}" width="${font - 4}" height="${font - 4}" fill="${color}"/>`,
        ),
    });
    const head =
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${this.width} ${this.height}" ` +
      `width="${this.width / 2}" height="${this.height / 2}" font-family="sans-serif" font-size="${font}">`;
    const page = `<rect width="${this.width}" height="${this.height}" fill="#ffffff"/>`;
    return new Blob([head, page, ...parts, "</svg>"], { type: "image/svg+xml" });
  }
}

function scoreWords(score) {
  return score && score.miou !== null ? `mIoU ${score.miou.toFixed(3)}` : "";
}

function fontOf(size, bold = false) {
  return `${bold ? "600 " : ""}${size}px sans-serif`;
}

function tooLong(words, bold, most) {
  if (!most) return false;
  const probe = document.createElement("canvas").getContext("2d");
  probe.font = fontOf(FIGURE.font, bold);
  return probe.measureText(words).width > most;
}

function saveAs(blob, name) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
