// The scores of a run per class. Streamlit calls the default function again when the data change.

export default function ({ data, parentElement }) {
  const root = (parentElement.scores ??= parentElement.appendChild(make("div", "scores")));
  const content = JSON.stringify(data);
  if (root.dataset.content === content) return;
  root.dataset.content = content;
  const scroll = make("div", "scroll");
  scroll.tabIndex = 0; // wide tables are scrolled by the keyboard, too
  scroll.ariaLabel = "Scores per class";
  scroll.role = "region";
  scroll.append(table(data));
  root.replaceChildren(make("p", "small", data.over), scroll, foot(data));
}

function table({ heads, rows, mean, mean_help }) {
  const drawn = make("table");
  const head = drawn.createTHead().insertRow();
  for (const title of heads) head.append(scoped(make("th", "", title), "col"));
  const body = drawn.createTBody();
  for (const { name, color, cells } of rows) {
    const line = body.insertRow();
    const label = line.appendChild(scoped(make("th"), "row"));
    const chip = label.appendChild(make("span", "chip"));
    if (color) chip.style.background = color;
    label.append(make("span", "", name));
    for (const cell of cells) line.append(make("td", "", cell));
  }
  const last = drawn.createTFoot().insertRow();
  const word = last.appendChild(scoped(make("th", "", "Mean"), "row"));
  word.title = mean_help;
  for (const cell of mean) last.append(make("td", "", cell));
  return drawn;
}

function scoped(cell, scope) {
  cell.scope = scope;
  return cell;
}

function foot({ notes, csv, file }) {
  const line = make("div", "foot");
  line.append(make("span", "small", notes.join(" ")));
  const copy = line.appendChild(make("button", "", "Copy CSV"));
  copy.type = "button";
  copy.onclick = async () => {
    await navigator.clipboard.writeText(csv);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy CSV"), 1500);
  };
  const link = line.appendChild(make("a", "", "Download CSV"));
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  link.download = file;
  return line;
}
