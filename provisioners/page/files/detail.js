"use strict";
// The view of one host or one cluster.

let detail = null; // what is shown: {kind, name, span, parts}

// openDetail makes the view. It stays until another one is opened.
function openDetail(kind, name) {
  const parts = {
    facts: el("dl"), alerts: el("div"), jobs: el("div"), plots: el("div", { class: "plots" }), plotsError: el("p", { role: "status" }),
    fence: el("div"), watch: el("div"), certificates: el("div"),
  };
  detail = { kind, name, span: "1 hour", parts, figures: new Map() };
  const section = (title, ...content) => el("section", null, el("h3", null, title), ...content);
  const heading = el("h2", { tabindex: -1, id: "detail-heading" }, `${kind === "host" ? "Host" : "Cluster"} ${name}`);
  const more = kind === "host" ? [
    section("What it proved", parts.fence), section("What its watch did", parts.watch), section("Its certificates", parts.certificates),
  ] : [];
  at("detail").replaceChildren(
    el("p", null, el("a", { href: "#/" }, "All of the fleet")), heading, parts.facts,
    section("Firing alerts", parts.alerts), section(kind === "host" ? "What is scraped" : "Jobs inside", parts.jobs),
    section("Plots", spanButtons(), parts.plotsError, parts.plots), ...more);
  return heading;
}

function spanButtons() {
  const buttons = Object.keys(spans).map((span) => el("button", { type: "button", "aria-pressed": span === detail.span }, span));
  const group = el("div", { class: "bar", role: "group", "aria-label": "Time that the plots show" }, ...buttons);
  group.addEventListener("click", (event) => {
    if (event.target.tagName !== "BUTTON") return;
    detail.span = event.target.textContent;
    for (const b of buttons) set(b, { "aria-pressed": b === event.target });
    refresh();
  });
  return group;
}

// drawDetail fills the view from what is known of the fleet, and asks for the rest.
async function drawDetail(f, interval) {
  const shownNow = detail;
  const end = (shownNow.kind === "host" ? f.hosts : f.clusters).get(shownNow.name);
  drawFacts(shownNow, end);
  drawAlerts(shownNow.parts.alerts, end?.alerts ?? [], 0);
  const [own, certificates] = await Promise.all([ownMetrics(shownNow), ownCertificates(shownNow), drawPlots(shownNow, interval, f.now)]);
  if (detail !== shownNow) return;
  if (shownNow.kind === "cluster") drawInside(shownNow, end);
  else {
    drawJobs(shownNow, end, own);
    drawOwnFence(shownNow, own, f.now);
    drawOwnWatch(shownNow, own, f.now);
    table(shownNow.parts.certificates, `Certificates of ${shownNow.name}`, certificateColumns(f.now), certificates, (c) => JSON.stringify(c.labels), "None.");
  }
}

function ownMetrics({ kind, name }) {
  if (kind === "cluster") return [];
  return instant(`{__name__=~"promwire_(fence|watch|drift|healed).*|scrape_duration_seconds|scrape_samples_scraped",name=${quoted(name)}}`);
}

function ownCertificates({ kind, name }) {
  return kind === "cluster" ? [] : instant(`promwire_certificate_not_after_timestamp_seconds{name=${quoted(name)}}`);
}

function drawFacts({ parts }, end) {
  const facts = end === undefined ? [["State", `${unknown}: Prometheus has nothing of this name`]] : [
    ["State", stateCell(end)],
    ["Cause", whatIsDown(end) || null],
    ["Role", end.role || null],
    ["Region", end.region || null],
    ["Handshake", end.role === "monitor" ? null : handshakeText(end)],
    ["Received", end.role === "monitor" ? null : rate(end.received)],
    ["Sent", end.role === "monitor" ? null : rate(end.sent)],
  ].filter(([, value]) => value !== null);
  sync(parts.facts, facts, ([name]) => name, ([name]) => el("div", null, el("dt", null, name), el("dd")), (row, [, value]) => fill(row.lastChild, value));
}

function drawJobs({ parts, name }, end, own) {
  const value = (metric, job) => own.find((s) => s.labels.__name__ === metric && s.labels.job === job)?.value ?? null;
  table(parts.jobs, `Endpoints of ${name}`, [
    { title: "Job", cell: ([job]) => job, head: true },
    { title: "State", cell: ([, up]) => stateCell({ state: up === 1 ? "up" : "down" }) },
    { title: "Took", cell: ([job]) => { const s = value("scrape_duration_seconds", job); return s === null ? unknown : `${rounded(s * 1000)} ms`; } },
    { title: "Samples", cell: ([job]) => plain(value("scrape_samples_scraped", job)), wide: true },
  ], [...(end?.jobs ?? [])].sort(), ([job]) => job, "Nothing of it is scraped.");
}

function drawInside({ parts, name }, end) {
  table(parts.jobs, `Jobs inside ${name}`, [
    { title: "Job", cell: (j) => j.job, head: true },
    { title: "Up", cell: (j) => `${plain(j.up)} of ${plain(j.count)}` },
  ], end?.inside ?? [], (j) => j.job, `${unknown}: the cluster's Prometheus has told of no job.`);
}

function of(own, metric) { return own.filter((s) => s.labels.__name__ === metric); }

function drawOwnFence({ parts, name }, own, now) {
  const ran = of(own, "promwire_fence_last_run_timestamp_seconds")[0];
  const open = of(own, "promwire_fence_open_addresses");
  paragraphs(parts.fence, [ran ? `It tried the tunnel ${age(now - ran.value)} ago (${clock(ran.value)}).` : `${unknown}: it has no fence, or it has told of none.`]);
  const holder = parts.fence.querySelector(":scope > .probes") ?? parts.fence.appendChild(el("div", { class: "probes" }));
  const probed = (o) => of(own, "promwire_fence_probed_addresses").find((p) => p.labels.to === o.labels.to && p.labels.port === o.labels.port);
  table(holder, `What ${name} tried to reach`, [
    { title: "To", cell: (o) => o.labels.to, head: true },
    { title: "Port", cell: (o) => o.labels.port },
    { title: "Tried", cell: (o) => plain(probed(o)?.value ?? null) },
    { title: "Open, and must not be", cell: (o) => plain(o.value) },
  ], open, (o) => `${o.labels.to} ${o.labels.port}`, "");
}

function drawOwnWatch({ parts, name }, own, now) {
  const ran = of(own, "promwire_watch_last_run_timestamp_seconds")[0];
  paragraphs(parts.watch, [ran ? `It looked ${age(now - ran.value)} ago (${clock(ran.value)}).` : `${unknown}: its watch has told of nothing.`]);
  const holder = parts.watch.querySelector(":scope > .kinds") ?? parts.watch.appendChild(el("div", { class: "kinds" }));
  const healed = (d) => of(own, "promwire_healed_total").find((h) => h.labels.what === d.labels.what);
  table(holder, `What ${name} watches`, [
    { title: "What", cell: (d) => d.labels.what, head: true },
    { title: "Now", cell: (d) => d.value > 0 ? "drift: not as planned" : "as planned" },
    { title: "Healed, since its watch counts", cell: (d) => plain(healed(d)?.value ?? null) },
  ], of(own, "promwire_drift"), (d) => d.labels.what, "");
}

// drawPlots asks for all plots at a time, and draws each when it is there.
async function drawPlots(shownNow, interval, now) {
  const window = `${Math.max(60, Math.ceil(4 * interval), Math.ceil(spans[shownNow.span] / 240))}s`;
  const all = shownNow.kind === "host" ? hostPlots(shownNow.name, window) : clusterPlots(shownNow.name);
  sync(shownNow.parts.plots, all, (p) => p.title,
    (p) => el("figure", null, el("figcaption", null, el("h4", null, p.title)), el("div", { class: "canvas" }), el("ul", { class: "lines" })));
  await Promise.all(all.map(async (p, i) => {
    const data = await askPlot(p, spans[shownNow.span], interval, now);
    if (detail === shownNow) drawPlot(shownNow.parts.plots.children[i], p, data);
  }));
}
