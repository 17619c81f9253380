// How masks are looked at: {opacity in percent, view: "masks" or "errors"}. The toolbar changes it and
// the panels follow; it outlives the page, in the browser tab.

const VIEW_KEY = "seglab-masks"; // of the storage, and of the event that tells of a change

function recallView() {
  const first = { opacity: 55, view: "masks" };
  try {
    return { ...first, ...window.seglabView, ...JSON.parse(sessionStorage.getItem(VIEW_KEY)) };
  } catch {
    return { ...first, ...window.seglabView };
  }
}

function changeView(change) {
  window.seglabView = { ...recallView(), ...change };
  try {
    sessionStorage.setItem(VIEW_KEY, JSON.stringify(window.seglabView));
  } catch {
    // Storage may be forbidden: the view then lasts as long as the document.
  }
  window.dispatchEvent(new CustomEvent(VIEW_KEY));
}
