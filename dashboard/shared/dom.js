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

// Text in which web addresses are links; all else stays text.
function setLinkedText(element, text) {
  if (element.textContent === text) return;
  const parts = text.split(/(https?:\/\/[^\s<>"'`|\\^{}()[\]]*[\w/#=&])/);
  element.replaceChildren(
    ...parts.map((part, index) => {
      if (index % 2 === 0) return part;
      const link = make("a", "", part);
      Object.assign(link, { href: part, target: "_blank", rel: "noreferrer" });
      return link;
    }),
  );
}
