// What the lab asks the server for: images in order, the scene of one, its labels and its photograph.

const TILE = 1024; // px of a tile's side, as dashboard/masks/pictures.py cuts them
const MOST_KEPT = 120; // labels and pictures

class LabData {
  constructor(redraw) {
    this.redraw = redraw;
    this.kept = new Map(); // address -> what is loaded, or promised
  }

  async ask(route, params) {
    const answer = await fetch(`/api/masks/${route}?${new URLSearchParams(params)}`);
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(body.error ?? "The dashboard did not answer.");
    return body;
  }

  images(models, { order, find, kind }) {
    return this.ask("images", { models, order, find, kind });
  }

  // The scene of an image with all that is needed to draw it.
  async scene(models, image) {
    const scene = await this.ask("scene", { models, image });
    const wanted = [scene.truth, ...scene.models.flatMap((model) => [model.labels, model.fitted])];
    const [photo, truth, ...pairs] = await Promise.all([
      scene.photo ? this.picture(scene.photo.url + `&level=${scene.photo.level}`) : null,
      ...wanted.map((labels) => (labels ? this.labels(labels.url) : null)),
    ]);
    scene.whole = photo;
    scene.trueLabels = truth;
    scene.models.forEach((model, place) => {
      [model.mask, model.truth] = pairs.slice(2 * place, 2 * place + 2);
    });
    return scene;
  }

  // {width, height, bytes}, one byte a pixel.
  labels(url) {
    return this.keep(url, async () => {
      const answer = await fetch(url);
      if (!answer.ok) return null;
      const content = await answer.arrayBuffer();
      const [width, height] = new Uint32Array(content, 0, 2);
      return { url, width, height, bytes: new Uint8Array(content, 8) };
    });
  }

  picture(url) {
    return this.keep(url, async () => {
      const image = new Image();
      image.src = url;
      await image.decode().catch(() => null);
      return image.naturalWidth ? image : null;
    });
  }

  // A tile that is there already, else null: it is drawn once it has come.
  tile(photo, level, column, row) {
    const url = `${photo.url}&level=${level}&column=${column}&row=${row}`;
    const known = this.kept.get(url);
    if (!known) this.picture(url).then(this.redraw);
    return known?.value ?? null;
  }

  keep(url, load) {
    let known = this.kept.get(url);
    if (known) this.kept.delete(url); // the last one used is the last one to go
    else {
      known = { value: null };
      known.promise = load().then((value) => (known.value = value));
    }
    this.kept.set(url, known);
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
    return known.promise;
  }
}
