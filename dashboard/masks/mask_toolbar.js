// The opacity slider and the choice between masks and errors. Called again at every rerun: what is
// there stays.

export default function ({ parentElement }) {
  if (parentElement.maskToolbar) return;
  parentElement.maskToolbar = true;
  const bar = make("div", "tools");
  bar.append(slider(), views());
  parentElement.append(bar);
}

function slider() {
  const label = make("label", "", "Opacity");
  const input = make("input");
  const output = make("output");
  Object.assign(input, { type: "range", min: 0, max: 100, step: 1, value: recallView().opacity });
  input.setAttribute("aria-label", "Opacity of all masks in percent");
  const show = () => {
    label.style.setProperty("--share", input.value / 100);
    output.textContent = `${input.value} %`;
  };
  input.oninput = () => {
    show();
    changeView({ opacity: Number(input.value) });
  };
  show();
  label.append(input, output);
  return label;
}

function views() {
  const group = make("div", "views");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "What the predictions show");
  const show = () => {
    for (const button of group.children) {
      button.setAttribute("aria-pressed", button.dataset.view === recallView().view);
    }
  };
  for (const word of ["Masks", "Errors"]) {
    const button = make("button", "", word);
    button.type = "button";
    button.dataset.view = word.toLowerCase();
    button.onclick = () => {
      changeView({ view: button.dataset.view });
      show();
    };
    group.append(button);
  }
  show();
  return group;
}
