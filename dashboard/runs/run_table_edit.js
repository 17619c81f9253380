// Name, tags, notes and star, changed in place. Each change names the fields it is about, and what
// the person saw in them: so two tabs lose nothing, and nobody overwrites unseen.

const EDITED = {
  name: { title: "Name", of: (line) => line.label },
  tags: { title: "Tags, with commas", of: (line) => line.tags.join(", ") },
  notes: { title: "Notes", of: (line) => line.text },
};

function editButton(table, parts, field) {
  const button = make("button", "edit", "✎");
  button.type = "button";
  button.title = `Edit ${field}`;
  button.setAttribute("aria-label", `Edit ${field} of ${parts.id}`);
  button.onclick = () => new Editor(table, parts, field, button);
  return button;
}

async function toggleStar(table, parts) {
  const star = !parts.line.star;
  setText(parts.star, star ? "★" : "☆");
  await change(table, parts.id, { changes: { star } });
}

async function change(table, id, content) {
  const reply = await send("PATCH", `/api/runs/${encodeURIComponent(id)}/notes`, content);
  if (reply.status !== 200) table.bar.say(reply.sent.error);
  table.look();
  return reply;
}

// A field over its cell. It lies over the table, so that no line moves and no refresh touches it.
class Editor {
  constructor(table, parts, field, button) {
    table.editor?.close();
    Object.assign(this, { table, parts, field, button });
    table.editor = this;
    this.was = EDITED[field].of(parts.line);
    this.seen = field === "tags" ? parts.line.tags : this.was;
    this.root = make("div", `editor edits-${field}`);
    this.input = make(field === "notes" ? "textarea" : "input");
    this.input.value = this.was;
    this.input.setAttribute("aria-label", EDITED[field].title);
    this.input.placeholder = EDITED[field].title;
    this.said = make("p", "said");
    this.said.setAttribute("role", "alert");
    this.hint = make("p", "hint", field === "notes" ? "Ctrl+Enter saves, Escape leaves it" : "");
    this.root.append(this.input, this.said, this.hint);
    this.place();
    table.root.append(this.root);
    this.input.focus();
    this.input.select();
    this.input.onkeydown = (event) => this.pressed(event);
    this.input.onblur = () => this.save();
    this.follow = () => this.place();
    table.scroll.addEventListener("scroll", this.follow);
  }

  place() {
    const cell = this.button.parentElement.closest("td")?.getBoundingClientRect();
    if (!cell?.width) return; // the line is out of sight: the field waits where it is
    const page = this.table.root.getBoundingClientRect();
    const wide = Math.max(cell.width, this.field === "notes" ? 320 : 200);
    this.root.style.left = `${Math.min(cell.left - page.left, page.width - wide)}px`;
    this.root.style.top = `${cell.top - page.top + 4}px`;
    this.root.style.width = `${wide}px`;
  }

  pressed(event) {
    event.stopPropagation();
    if (event.key === "Escape") this.close(true);
    const saves = event.key === "Enter" && (this.field !== "notes" || event.ctrlKey || event.metaKey);
    if (!saves) return;
    event.preventDefault();
    this.save(true);
  }

  async save(focus) {
    if (this.saving || this.closed) return;
    if (this.input.value === this.was && !this.said.textContent) return this.close(focus);
    this.saving = true;
    const reply = await change(this.table, this.parts.id, this.content());
    this.saving = false;
    if (reply.status === 200) return this.close(focus);
    setText(this.said, reply.sent.error);
    if (reply.status === 409) this.seen = reply.sent.now;
    this.table.bar.say("");
    this.input.focus();
  }

  content() {
    const text = this.input.value;
    if (this.field !== "tags") {
      return { changes: { [this.field]: text }, expected: { [this.field]: this.seen } };
    }
    const tags = text.split(",").map((tag) => tag.trim()).filter(Boolean);
    return {
      tag: tags.filter((tag) => !this.seen.includes(tag)),
      untag: this.seen.filter((tag) => !tags.includes(tag)),
    };
  }

  close(focus) {
    if (this.closed) return;
    this.closed = true;
    this.table.scroll.removeEventListener("scroll", this.follow);
    this.root.remove();
    if (this.table.editor === this) this.table.editor = null;
    if (focus) this.button.focus();
  }
}
