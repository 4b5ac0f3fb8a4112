// Redraws the page as its search goes on. It asks for the changing part, and the server answers only when that has changed.
const EVERY = 2000, PATIENCE = 15000;  // ms between two questions; ms that a new report may take to draw itself
const now = document.getElementById("now"), place = document.getElementById("report"), gone = document.getElementById("gone");
let tag = now?.dataset.tag;

async function ask() {
  if (!document.hidden) {
    try {
      const answer = await fetch(now.dataset.from, { headers: { "If-None-Match": tag }, cache: "no-store" });
      if (answer.ok && redraw(await answer.text())) tag = answer.headers.get("ETag");
      gone.hidden = answer.ok || answer.status === 304;
    } catch { gone.hidden = false; }
    showReport();
  }
  setTimeout(ask, EVERY);
}

// Shows the new part, and returns true. While text in the old part is selected, it changes nothing and returns false.
function redraw(html) {
  const marked = getSelection();
  if (!marked.isCollapsed && now.contains(marked.anchorNode)) return false;
  const below = place?.getBoundingClientRect().top, wasRead = below !== undefined && below < innerHeight / 2;
  const open = [...now.querySelectorAll("details")].map(one => [one.id, one.open]);
  const focused = now.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const log = document.getElementById("log");
  const held = log && { top: log.scrollTop, left: log.scrollLeft, end: log.scrollTop + log.clientHeight >= log.scrollHeight - 5 };
  now.innerHTML = html;  // from our own server, which escapes every text in it
  for (const [id, isOpen] of open) { const one = document.getElementById(id); if (one) one.open = isOpen; }
  if (focused) [...now.querySelectorAll("a")].find(one => one.getAttribute("href") === focused)?.focus({ preventScroll: true });
  const after = document.getElementById("log");
  if (held && after) { after.scrollLeft = held.left; after.scrollTop = held.end ? after.scrollHeight : held.top; }
  if (wasRead) scrollBy(0, place.getBoundingClientRect().top - below);
  tellAges();
  return true;
}

function tellAges() {
  for (const one of now.querySelectorAll("time[data-at]")) {
    const age = Math.max(0, Date.now() / 1000 - one.dataset.at);
    one.textContent = age < 90 ? `${Math.round(age)} s ago` : age < 5400 ? `${Math.round(age / 60)} min ago` : one.title || ago(age);
  }
}
const ago = age => age < 129600 ? `${(age / 3600).toFixed(1)} h ago` : `${Math.round(age / 86400)} days ago`;

// The report stands in a frame as tall as it is, so that the page has one scroll bar. A new one is drawn unseen first.
let asked;
function showReport() {
  const version = now.querySelector("[data-version]")?.dataset.version;
  if (!place || !version || version === asked) return;
  asked = version;
  const frame = document.createElement("iframe");
  frame.className = "next";
  frame.title = place.dataset.title;
  frame.src = `${place.dataset.from}?version=${version}`;
  frame.addEventListener("load", () => whenDrawn(frame.contentDocument, () => swap(frame)));
  place.querySelector(".next")?.remove();
  place.append(frame);
}

function whenDrawn(inside, then) {
  if (inside.body.dataset.drawn) return then();
  const seen = new MutationObserver(() => { if (inside.body.dataset.drawn) end(); });
  const end = () => { seen.disconnect(); clearTimeout(late); then(); };
  const late = setTimeout(end, PATIENCE);
  seen.observe(inside.body, { attributes: true, attributeFilter: ["data-drawn"] });
}

function swap(frame) {
  if (!frame.isConnected) return;  // a newer frame has replaced it
  const before = place.querySelector("iframe:not(.next)"), inside = frame.contentDocument;
  inside.querySelector("h1")?.remove();  // this page has the title itself
  const reading = before && headingAt(before);
  if (before) {
    const folds = before.contentDocument.querySelectorAll("details");
    inside.querySelectorAll("details").forEach((one, place) => { one.open = folds[place]?.open ?? one.open; });
  }
  const fit = () => { frame.style.height = `${Math.ceil(inside.documentElement.getBoundingClientRect().height)}px`; };
  fit();
  new ResizeObserver(fit).observe(inside.documentElement);
  frame.classList.remove("next");
  before?.remove();
  const same = reading && [...inside.querySelectorAll("h2")].find(one => one.textContent === reading.text);
  if (same) scrollBy(0, frame.getBoundingClientRect().top + same.getBoundingClientRect().top - reading.top);
}

// The last heading above the middle of the window, and where it stands in it.
function headingAt(frame) {
  const from = frame.getBoundingClientRect().top;
  const heads = [...frame.contentDocument.querySelectorAll("h2")];
  const above = heads.map(one => ({ text: one.textContent, top: from + one.getBoundingClientRect().top }));
  return above.findLast(one => one.top < innerHeight / 2);
}

if (now) {
  tellAges();
  setInterval(tellAges, 1000);
  showReport();
  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
  setTimeout(ask, EVERY);
}
