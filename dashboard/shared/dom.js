// Helpers that every component has.

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// Writes only what changed: nothing moves when nothing happened.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
