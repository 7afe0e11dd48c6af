"use strict";
// The page's life: which view is shown, when it refreshes, and what it says when Prometheus does not answer.

const pulse = 3000; // milliseconds between two questions whether Prometheus is there

let interval = null;  // seconds: the scrape interval
let known = null;     // the fleet as it was last told
let former = null;    // states by name, for what changed
let turn = 0;         // counts refreshes: an answer that comes late is not drawn
let timer = null;
let gone = false;     // Prometheus did not answer

// refresh asks for everything that is shown, and draws it.
async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  try {
    interval ??= await scrapeInterval();
    const f = await look(interval);
    if (mine !== turn) return;
    known = f;
    there();
    announce(f);
    await show();
  } catch (error) {
    if (mine === turn) failed(error);
  }
  if (mine === turn) timer = setTimeout(refresh, 1000 * (interval ?? 15));
}

// show draws the view that the address names, from what is known.
async function show() {
  if (!known) return;
  say(at("summary"), `${plural(known.hosts.size, "host")}: ${counted(known.hosts.values())}. ` +
    (known.clusters.size ? `${plural(known.clusters.size, "cluster")}: ${counted(known.clusters.values())}. ` : "") +
    `${plural(known.alerts.length, "firing alert")}. As of ${clock(known.now)}, every ${rounded(interval)} s.`);
  const { kind } = route();
  at("fleet").hidden = kind !== "fleet";
  at("detail").hidden = kind === "fleet";
  at("skip").hidden = kind !== "fleet";
  if (kind === "fleet") drawFleet(known);
  else await drawDetail(known, interval);
}

// route is what the address names: all of the fleet, a host or a cluster.
function route() {
  const found = /^#\/(host|cluster)\/(.+)$/.exec(location.hash);
  if (!found) return { kind: "fleet", name: "" };
  try {
    return { kind: found[1], name: decodeURIComponent(found[2]) };
  } catch {
    return { kind: "fleet", name: "" }; // somebody cut the address
  }
}

// navigate opens the view of a new address, with the focus on its heading.
function navigate() {
  const { kind, name } = route();
  document.title = kind === "fleet" ? "Fleet" : `${name} – Fleet`;
  if (kind === "fleet") {
    detail = null;
    at("detail").replaceChildren();
  } else {
    at("detail").hidden = false;
    openDetail(kind, name).focus();
  }
  show().catch(failed);
}

// announce says which hosts and clusters changed their state.
function announce(f) {
  const now = new Map([...f.hosts.values(), ...f.clusters.values()].map((end) => [end.name, end.state]));
  const changed = former ? [...now].filter(([name, state]) => former.has(name) && former.get(name) !== state) : [];
  former = now;
  if (changed.length === 0) return;
  const first = changed.slice(0, 5).map(([name, state]) => `${name} is ${stateWords[state]}`).join(", ");
  say(at("changes"), `At ${clock(f.now)}: ${first}${changed.length > 5 ? `, and ${changed.length - 5} more changed` : ""}.`);
}

// failed says that what is shown is not what is now, and shows it in grey.
function failed(error) {
  gone = error instanceof Away;
  const since = known ? `What is below is from ${clock(known.now)}.` : "Nothing is known yet.";
  const what = gone ? "Prometheus on the monitor does not answer" : "Prometheus refuses a question of this page";
  say(at("away"), `${what}: ${error.message}. ${since}`);
  at("away").hidden = false;
  document.body.classList.add("stale");
}

function there() {
  gone = false;
  at("away").hidden = true;
  say(at("away"), "");
  document.body.classList.remove("stale");
}

// watchPulse notices between two refreshes that Prometheus went away, and refreshes at once when it is back.
async function watchPulse() {
  try {
    await alive();
    if (gone) await refresh();
  } catch (error) {
    failed(error);
  }
  setTimeout(watchPulse, pulse);
}

function start() {
  signKey(at("key"));
  at("filter").addEventListener("input", () => { if (known) drawFleet(known); });
  at("skip").addEventListener("click", (event) => { event.preventDefault(); at("hosts-heading").focus(); });
  addEventListener("hashchange", navigate);
  addEventListener("resize", () => show().catch(failed));
  dark.addEventListener("change", () => show().catch(failed));
  if (route().kind !== "fleet") navigate();
  refresh();
  setTimeout(watchPulse, pulse);
}

start();
