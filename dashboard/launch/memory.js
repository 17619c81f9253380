// What only the browser can do for the launch form: keep its entries, and order its tab stops.

const [WIDE, HIGH] = [1900, 1200]; // pixels of a window that has room for every field
const DAYS = 90 * 24 * 3600; // seconds

export default function ({ data, parentElement }) {
  const keeper = (parentElement.keeper ??= new Keeper());
  keeper.update(data);
  return () => {
    keeper.stop();
    delete parentElement.keeper;
  };
}

class Keeper {
  constructor() {
    this.opened = false; // by us: who closes the settings again has them closed
    // Two tabs share a cookie: the one that is reloaded, or looked at, writes what it holds.
    this.keep = () => this.data && writeCookie(this.data.cookie, this.data.draft);
    this.events = ["pagehide", "focus"];
    for (const name of this.events) window.addEventListener(name, this.keep);
    this.resized = () => this.openSettings();
    window.addEventListener("resize", this.resized);
    this.observer = new MutationObserver(() => this.tidy());
    this.observer.observe(document.querySelector(".stMain") ?? document.body, {
      childList: true,
      subtree: true,
    });
  }

  update(data) {
    const isNew = data.draft !== this.data?.draft;
    const isAdded = this.data && data.varied > this.data.varied;
    this.data = data;
    if (isAdded) setTimeout(showVaried, 300); // when its line is drawn
    if (isNew) this.keep();
    forgetParameter("clone");
    this.tidy();
  }

  // The icons beside the fields are for the mouse: 20 stops fewer on the way to Start. What they
  // say is a description of the field, which screen readers give.
  tidy() {
    this.openSettings();
    for (const icon of document.querySelectorAll("[data-testid=stTooltipIcon] button")) {
      if (icon.tabIndex !== -1) icon.tabIndex = -1;
    }
    for (const [title, help] of Object.entries(this.data?.help ?? {})) {
      for (const field of document.querySelectorAll(`input[aria-label="${title}"]`)) {
        if (field.ariaDescription !== help) field.ariaDescription = help;
      }
    }
  }

  // A large window has room for all settings.
  openSettings() {
    const closed = document.querySelector(".st-key-launch_form details:not([open]) > summary");
    const hasRoom = window.innerWidth >= WIDE && window.innerHeight >= HIGH;
    if (this.opened || !hasRoom || !closed) return;
    this.opened = true;
    closed.click();
  }

  stop() {
    this.observer.disconnect();
    for (const name of this.events) window.removeEventListener(name, this.keep);
    window.removeEventListener("resize", this.resized);
  }
}

// The line of a newly varied field, which the bar at the foot would hide.
function showVaried() {
  document.querySelector(".st-key-launch_sweep")?.scrollIntoView({ block: "end", behavior: "smooth" });
}

function writeCookie(name, value) {
  if (value) document.cookie = `${name}=${value}; path=/; max-age=${DAYS}; samesite=strict`;
}

// What the address asked for is done: a reload, or coming back, shall not do it again.
function forgetParameter(name) {
  const address = new URL(window.location.href);
  if (!address.searchParams.has(name)) return;
  address.searchParams.delete(name);
  window.history.replaceState(window.history.state, "", address);
}
