// How masks are looked at. The address holds whatever differs from FIRST, so that a link shows the same;
// the browser tab remembers it, so that another page does not lose it.

const VIEW_KEY = "seglab-masks"; // of the tab's storage
const FIRST = {
  image: "",
  order: "name", // as segengine.results.masks.order has it
  find: "", // a part of the names
  kind: "", // a breed, a city
  view: "masks", // or errors, differences
  fill: "filled", // or outline, both
  opacity: 55, // percent
  off: [], // labels of the classes that are not painted
  class: -1, // the label whose errors are shown; -1 for all classes
  band: false, // whether only errors along the true boundaries are shown
  layout: "panels", // or swipe, grid
  left: "", // of the two panels that are swiped; "": two models, or the truth and the only one
  right: "",
  over: "0", // what lies over thumbnails: the place of a model, truth or photo
  zoom: [1, 0, 0], // scale, and the left and top edge of what is in sight, of an image from 0 to 1
  at: {}, // run id -> "best" or an epoch, where it is not what the run shows by itself
};

function readView() {
  const given = new URLSearchParams(location.search);
  const names = Object.keys(FIRST).filter((name) => given.has(name));
  if (!names.length) return { ...FIRST, ...stored() };
  const view = { ...FIRST };
  for (const name of names) view[name] = parsed(FIRST[name], given.get(name));
  return view;
}

function stored() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(VIEW_KEY)) ?? {};
    return Object.fromEntries(Object.entries(kept).filter(([name]) => name in FIRST));
  } catch {
    return window.seglabMasks ?? {};
  }
}

// Writes the address only where it says something else.
function writeView(view) {
  window.seglabMasks = { ...view, zoom: FIRST.zoom };
  try {
    sessionStorage.setItem(VIEW_KEY, JSON.stringify(window.seglabMasks));
  } catch {
    // Storage may be forbidden: the view then lasts as long as the document.
  }
  const address = new URL(location.href);
  for (const [name, first] of Object.entries(FIRST)) {
    const text = written(view[name]);
    if (text === written(first)) address.searchParams.delete(name);
    else address.searchParams.set(name, text);
  }
  if (address.search !== location.search) history.replaceState(history.state, "", address);
}

function written(value) {
  if (Array.isArray(value)) return value.map((part) => Math.round(part * 1e5) / 1e5).join("_");
  if (value && typeof value === "object") {
    return Object.entries(value).map(([name, part]) => `${name}@${part}`).join("_");
  }
  return String(value);
}

// A value of the kind that `first` is of; `first` where the text makes no sense.
function parsed(first, text) {
  if (Array.isArray(first)) {
    const numbers = text.split("_").map(Number);
    const sound = numbers.every(Number.isFinite) && (!first.length || numbers.length === first.length);
    return sound && text ? numbers : first;
  }
  if (typeof first === "object") {
    return Object.fromEntries(text.split("_").map((part) => part.split("@")).filter((pair) => pair[1]));
  }
  if (typeof first === "number") return Number.isFinite(Number(text)) ? Number(text) : first;
  return typeof first === "boolean" ? text === "true" : text;
}
