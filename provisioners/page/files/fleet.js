"use strict";
// The first view: all of the fleet.

const at = (id) => document.getElementById(id);

function drawFleet(f) {
  const filter = at("filter").value.trim();
  draw(at("picture"), f, filter);
  drawAlerts(at("alerts"), f.alerts, f.pending);
  drawHosts(f, filter);
  drawClusters(f, filter);
  drawProved(f);
  drawWatch(f);
  drawCertificates(f);
}

// stateCell is a state with its sign.
function stateCell(end) {
  return el("span", { class: "state" }, el("svg:svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" }, sign(end.state)), ` ${stateWords[end.state]}`);
}

// whatIsDown says why a host is not well: its causes where they are known, or else the jobs that are down.
function whatIsDown(end) {
  if (end.causes.length > 0) return end.causes.join("; ");
  const down = [...end.jobs].filter(([, v]) => v === 0).map(([job]) => job);
  return down.length > 0 ? `${down.join(", ")}: cause ${unknown}` : "";
}

function link(kind, name) { return el("a", { href: addressOf(kind, name) }, name); }

function drawHosts(f, filter) {
  const all = [...f.hosts.values()];
  const some = all.filter((h) => matches(h, filter)).sort(worstFirst);
  const clusters = [...f.clusters.values()].filter((c) => matches(c, filter)).length;
  say(at("shown"), filter === "" ? "" : `${some.length + clusters} of ${all.length + f.clusters.size} shown`);
  table(at("hosts"), "Hosts, those that are down first", [
    { title: "Host", cell: (h) => link("host", h.name), head: true },
    { title: "State", cell: stateCell },
    { title: "What is down, and why", cell: whatIsDown },
    { title: "Region", cell: (h) => h.region, wide: true },
    { title: "Handshake", cell: (h) => h.role === "monitor" ? "" : handshakeText(h), wide: true },
    { title: "Received", cell: (h) => h.role === "monitor" ? "" : rate(h.received), wide: true },
    { title: "Sent", cell: (h) => h.role === "monitor" ? "" : rate(h.sent), wide: true },
  ], some, (h) => h.name, filter ? "No host is like that." : "Prometheus knows no host yet.");
}

function drawClusters(f, filter) {
  at("clusters-section").hidden = f.clusters.size === 0;
  table(at("clusters"), "Clusters, those that are down first", [
    { title: "Cluster", cell: (c) => link("cluster", c.name), head: true },
    { title: "State", cell: stateCell },
    { title: "Its own targets", cell: inside },
    { title: "Handshake", cell: handshakeText, wide: true },
  ], [...f.clusters.values()].filter((c) => matches(c, filter)).sort(worstFirst), (c) => c.name, "No cluster is like that.");
}

function inside(cluster) {
  if (!cluster.inside) return unknown;
  const sum = (of) => cluster.inside.reduce((all, job) => all + (job[of] ?? 0), 0);
  return `${sum("up")} of ${sum("count")} up`;
}

// drawProved says what the gate of the last update proved, which is before the probes from outside, and what targets prove again and again: that the tunnel is closed to them.
function drawProved(f) {
  const { hosts, stale, oldest, probed, open } = f.fence;
  const lines = [];
  if (f.proof) {
    lines.push(`The gate of an update proved this fleet ${age(f.now - f.proof.at)} ago (${day(f.proof.at)} ${clock(f.proof.at)}): ` +
      `${plural(f.proof.open, "probe")} found open what must be, ${plain(f.proof.closed)} found closed what must be. ` +
      "Probes from outside come after it: what they found is not known here.");
  }
  if (hosts === null) lines.push(`${unknown}: no target has told of its fence.`);
  else {
    lines.push(`${plural(hosts, "target tries", "targets try")} the tunnel's other addresses again and again: ${plain(probed)} in all, ` +
      `the least recent ${age(f.now - oldest)} ago (${clock(oldest)}).`);
    lines.push(open.length === 0 ? "None accepted a connection that must not." : `${plural(open.length, "port is", "ports are")} open that must be closed:`);
    if (stale > 0) lines.push(`${plural(stale, "target has", "targets have")} not tried for 5 minutes.`);
  }
  paragraphs(at("proved"), lines);
  list(at("proved"), open.slice(0, shown), (o) => [link("host", o.labels.name), ` reaches ${o.labels.to}, port ${o.labels.port}: ${plain(o.value)} open`]);
}

// drawWatch says what hosts put right by themselves, and what they could not.
function drawWatch(f) {
  const lines = [];
  if (f.watch.hosts === null) lines.push(`${unknown}: no host has told of its watch.`);
  else lines.push(`${plural(f.watch.hosts, "host looks after itself", "hosts look after themselves")}. ${f.watch.stale > 0 ? `${f.watch.stale} did not for 5 minutes.` : ""}`);
  if (f.watch.hosts !== null && f.drift.length + f.healed.length === 0) lines.push("Nothing drifted, and nothing was healed within a day.");
  paragraphs(at("watch"), lines);
  const drift = f.drift.map((d) => ({ ...d, word: "drift: not as planned" }));
  const healed = f.healed.map((h) => ({ ...h, word: `healed within a day, ${plural(h.value, "time")}` }));
  list(at("watch"), [...drift, ...healed].slice(0, 100), (x) => [link("host", x.labels.name), ` ${x.labels.what}: ${x.word}`]);
}

function drawCertificates(f) {
  const more = f.certificateCount - f.certificates.length;
  const parent = at("certificates");
  table(parent, "Certificates, the first to expire first", certificateColumns(f.now), f.certificates, (c) => JSON.stringify(c.labels),
    "None: this fleet has no certificates.");
  const note = parent.querySelector(":scope > p.more") ?? parent.appendChild(el("p", { class: "more" }));
  say(note, more > 0 ? `and ${more} more, which expire later` : "");
}

function certificateColumns(now) {
  return [
    { title: "Of", cell: (c) => `${c.labels.name ?? ""}, ${c.labels.holder ?? ""} ${c.labels.authority ?? ""}`.trim(), head: true },
    { title: "Days left", cell: (c) => String(Math.floor((c.value - now) / 86400)) },
    { title: "Expires", cell: (c) => day(c.value) },
  ];
}

function paragraphs(parent, lines) {
  const into = parent.querySelector(":scope > div") ?? parent.appendChild(el("div"));
  sync(into, lines.map((text, i) => ({ text, i })), (l) => l.i, () => el("p"), (p, l) => say(p, l.text));
}

// list writes items below a parent's paragraphs; parts gives an item's texts and elements.
function list(parent, items, parts) {
  const into = parent.querySelector(":scope > ul") ?? parent.appendChild(el("ul"));
  into.hidden = items.length === 0;
  sync(into, items, (i) => JSON.stringify(i.labels), () => el("li"), (item, i) => fill(item, el("span", null, ...parts(i))));
}
