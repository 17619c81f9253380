// Runs before Streamlit in every page.

// What a page writes into its own address is no step of the person's: it takes the entry's place,
// so that one press of Back leaves the page. The bare address only leads to the first page.
// Streamlit may write a new page's parameters before its path: it is given time to do so.
const PATH_MS = 100;
const push = history.pushState.bind(history);
let writing;
history.pushState = (state, title, url) => {
  clearTimeout(writing);
  const { pathname } = new URL(url ?? location.href, location.href);
  const replace = () => history.replaceState(state, title, url);
  if (location.pathname === "/") replace();
  else if (pathname !== location.pathname) push(state, title, url);
  else writing = setTimeout(() => pathname === location.pathname && replace(), PATH_MS);
};

// While the dashboard does not answer, every page says so, and the states of runs turn gray (their
// style sheets read --seglab-gone) and rest (--seglab-pulses): nobody knows them now.
const ASK_MS = 2000;
const PATIENCE = 2; // questions without an answer: a busy server is not gone
const GONE =
  "The dashboard is not running; your runs go on. Start it again where it was started: this page " +
  "then comes back by itself.";
const notice = document.createElement("div");
notice.setAttribute("role", "alert");
notice.className = "seglab-gone";
let unanswered = 0;

async function ask() {
  if (!document.hidden) {
    const answered = await fetch("/_stcore/health", {
      cache: "no-store",
      signal: AbortSignal.timeout(5 * ASK_MS),
    }).then(
      (reply) => reply.ok,
      () => false,
    );
    unanswered = answered ? 0 : unanswered + 1;
    show(unanswered >= PATIENCE);
  }
  setTimeout(ask, ASK_MS);
}

function show(gone) {
  if (gone === notice.isConnected) return;
  const { style } = document.documentElement;
  style.setProperty("--seglab-gone", gone ? 1 : 0);
  style.setProperty("--seglab-pulses", gone ? 0 : "infinite");
  if (!gone) return notice.remove();
  document.body.append(notice);
  notice.textContent = GONE; // after it is there: screen readers tell what changes in an alert
}

setTimeout(ask, ASK_MS);
document.addEventListener("visibilitychange", () => (unanswered = 0));
