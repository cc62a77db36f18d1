// Shows the view that the address names, and shows it again every two seconds unless the reader is at work in it.
"use strict";

const EVERY = 2000;
const main = document.getElementById("main");

/** The views that change by themselves; the others would lose what was typed or chosen. */
const LIVE = new Set(["", "jobs", "job", "schedules"]);

function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  return { view, id: decodeURIComponent(rest.join("/")), query: new URLSearchParams(query ?? "") };
}

/** The elements of where we are. */
function build({ view, id, query }) {
  switch (view) {
    case "": return overview();
    case "jobs": return jobs(query);
    case "job": return job(id, show);
    case "dead": return dead(query, show);
    case "schedules": return schedules(show);
    case "submit": return submit();
    default: location.hash = "#/"; return [];
  }
}

let turn = 0;

/** Shows where we are. A slow answer for a view that was left is dropped. */
async function show() {
  const mine = ++turn;
  const where = place();
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.getAttribute("href").replace(/^#\/?/, "") === where.view;
    if (isHere) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  try {
    const elements = await build(where);
    if (mine !== turn) return;
    const kept = focusedKey();
    const scrolls = [...main.querySelectorAll(".wide")].map((one) => one.scrollLeft);
    main.replaceChildren(...elements.filter((one) => one !== null && one !== undefined));
    [...main.querySelectorAll(".wide")].forEach((one, at) => { one.scrollLeft = scrolls[at] ?? 0; });
    if (kept) focusAgain(kept);
    await ready();
  } catch (error) {
    if (mine === turn) tell(error);
  }
}

/** What is wrong with poulpe as a whole. */
async function ready() {
  const readiness = await get("/readyz", [503]);
  const wrong = readiness.checks.filter((check) => !check.ok).map((check) => `${check.name}: ${check.reason}`);
  const warnings = readiness.checks.filter((check) => check.ok && check.reason).map((check) => `${check.name}: ${check.reason}`);
  alarm(wrong.length ? `${word("not_ready")}: ${wrong.join("; ")}` : "");
  const stats = before?.stats;
  const told = [stats && `poulpe ${stats.version}`, ...warnings.map((text) => `${word("warning")}: ${text}`)].filter(Boolean);
  document.getElementById("daemon").textContent = told.join(" · ");
}

function tell(error) {
  const isRefusal = error instanceof Refused;
  alarm(word(isRefusal ? "refused" : "unreachable", { reason: error.message }));
}

/** What in the view has the focus, to find it again after it was built anew. */
function focusedKey() {
  const focused = document.activeElement;
  if (!main.contains(focused) || focused === main) return null;
  const same = [...main.querySelectorAll(focused.tagName)];
  return { tag: focused.tagName, at: same.indexOf(focused) };
}

function focusAgain({ tag, at }) { main.querySelectorAll(tag)[at]?.focus({ preventScroll: true }); }

/** A selection or an open list would be lost by building anew. */
function isBusy() {
  const focused = document.activeElement;
  return document.hidden || String(getSelection()) !== "" || document.querySelector("dialog[open]") !== null || focused?.tagName === "SELECT";
}

async function tick() {
  try {
    await sample();
    if (LIVE.has(place().view) && !isBusy() && !place().query.has("after")) await show();
    else await ready();
  } catch (error) {
    tell(error);
  } finally {
    setTimeout(tick, EVERY);
  }
}

addEventListener("hashchange", () => {
  alarm("");
  main.replaceChildren();
  show().then(() => main.focus({ preventScroll: true }));
});

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = document.getElementById("search-id").value.trim();
  if (id) location.hash = `#/job/${inPath(id)}`;
});

const choice = document.getElementById("language");
choice.value = language;
choice.addEventListener("change", () => {
  language = choice.value;
  try { localStorage.setItem("poulpe-language", language); } catch { /* then it holds for this page only */ }
  translatePage();
  show();
});

translatePage();
sample().catch(tell).then(show).then(() => setTimeout(tick, EVERY));
