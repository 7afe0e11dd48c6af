"use strict";
// What the page knows of the fleet. A handful of queries tell it of all hosts: none is for one host alone.

const states = ["down", "partly", "unknown", "up"]; // the worst first
const stateWords = { up: "up", partly: "partly up", down: "down", unknown };

const monitor = 'role="monitor"'; // only the monitor speaks of other hosts

// queries of all hosts, by name. Rates look back over four scrapes, so that one that is missing makes no gap.
function queries(interval) {
  const window = `${Math.max(60, Math.ceil(4 * interval))}s`;
  return {
    up: 'min by (name, region, role, job, cluster) (up{role=~"monitor|target"} or up{job="federate"})',
    handshake: `promwire_peer_last_handshake_seconds{${monitor}}`,
    received: `rate(promwire_peer_receive_bytes_total{${monitor}}[${window}])`,
    sent: `rate(promwire_peer_transmit_bytes_total{${monitor}}[${window}])`,
    causes: `promwire_target_cause{${monitor}} > 0`,
    drift: "promwire_drift > 0",
    healed: "(promwire_healed_total - promwire_healed_total offset 1d > 0) or (promwire_healed_total unless promwire_healed_total offset 1d) > 0",
    watched: "count(promwire_watch_last_run_timestamp_seconds)",
    watchStale: "count(time() - promwire_watch_last_run_timestamp_seconds >= 300)",
    fenced: "count(max by (name) (promwire_fence_last_run_timestamp_seconds))",
    fenceStale: "count(time() - promwire_fence_last_run_timestamp_seconds >= 300)",
    fenceOldest: "min(promwire_fence_last_run_timestamp_seconds)",
    fenceProbed: "sum(promwire_fence_probed_addresses)",
    fenceOpen: "promwire_fence_open_addresses > 0",
    proof: `{__name__=~"promwire_proof_.+",${monitor}}`,
    certificates: "bottomk(50, promwire_certificate_not_after_timestamp_seconds)",
    certificateCount: "count(promwire_certificate_not_after_timestamp_seconds)",
    clusterSum: 'sum by (cluster, job) (job:up:sum{cluster!=""})',
    clusterCount: 'sum by (cluster, job) (job:up:count{cluster!=""})',
  };
}

// proof is what the gate of the last update proved: when, and how many probes saw a port that is open, and one that is closed. null: none did.
function proof(series) {
  const value = (name, seen) => series.find(({ labels }) => labels.__name__ === `promwire_proof_${name}` && labels.seen === seen)?.value ?? 0;
  return series.length === 0 ? null : { at: value("last_timestamp_seconds"), open: value("probes", "open"), closed: value("probes", "closed") };
}

// look asks Prometheus, and answers with the fleet.
async function look(interval) {
  const all = queries(interval);
  const names = Object.keys(all);
  const asked = names.map((name) => instant(all[name]));
  const [alerts, ...answers] = await Promise.all([ask("alerts"), ...asked]);
  const found = Object.fromEntries(names.map((name, i) => [name, answers[i]]));
  return fleet(found, alerts.alerts, found.up[0]?.at ?? Date.now() / 1000);
}

// fleet puts answers together. Maps are by name; a value that nobody told is null.
function fleet(found, alerts, now) {
  const f = {
    now, hosts: new Map(), clusters: new Map(),
    alerts: alerts.filter((a) => a.state === "firing" && a.labels.severity !== "none"),
    pending: alerts.filter((a) => a.state === "pending").length,
    drift: found.drift, healed: found.healed,
    certificates: found.certificates.sort((a, b) => a.value - b.value), certificateCount: single(found.certificateCount) ?? 0,
    fence: {
      hosts: single(found.fenced), stale: single(found.fenceStale) ?? 0, oldest: single(found.fenceOldest),
      probed: single(found.fenceProbed), open: found.fenceOpen,
    },
    proof: proof(found.proof),
    watch: { hosts: single(found.watched), stale: single(found.watchStale) ?? 0 },
  };
  for (const { labels, value } of found.up) add(f, labels, value);
  peers(f, found, now);
  for (const { labels } of found.causes) {
    const job = labels.exported_job ?? labels.job; // the monitor's exporter has a job itself
    const of = f.hosts.get(labels.host) ?? f.clusters.get(labels.host);
    of?.causes.push(job ? `${job}: ${labels.cause}` : labels.cause);
  }
  jobsOfClusters(f, found);
  for (const a of f.alerts) {
    const { kind, name } = whom(a.labels);
    (kind === "cluster" ? f.clusters : f.hosts).get(name)?.alerts.push(a);
  }
  for (const end of [...f.hosts.values(), ...f.clusters.values()]) end.state = stateOf(end);
  return f;
}

function single(answer) { return answer.length === 1 ? answer[0].value : null; }

// add notes whether one job of a host or a cluster is up.
function add(f, labels, value) {
  if (labels.job === "federate") {
    if (labels.cluster) entry(f.clusters, labels.cluster).jobs.set(labels.job, value);
    return;
  }
  if (!labels.name) return;
  const host = entry(f.hosts, labels.name);
  host.region = labels.region ?? "";
  host.role = labels.role;
  host.jobs.set(labels.job, value);
}

// entry is a host or cluster: {name, region, role, jobs, handshake, received, sent, causes, alerts}. jobs has 1 or 0 by job; handshake is its
// age in seconds, -1 if there was none; the other two are bytes a second.
function entry(map, name) {
  if (!map.has(name)) {
    map.set(name, { name, region: "", role: "", jobs: new Map(), handshake: null, received: null, sent: null, causes: [], alerts: [] });
  }
  return map.get(name);
}

// ofClusters ends the names of peers that are ends of the tunnel in a cluster.
const ofClusters = ".cluster";

// peers adds what the monitor knows of its tunnel. A peer that nobody scrapes is a host whose state is not known; in a cluster, only the end
// that is scraped is shown.
function peers(f, found, now) {
  const of = (labels) => labels.host.endsWith(ofClusters)
    ? f.clusters.get(labels.host.slice(0, -ofClusters.length)) ?? {}
    : entry(f.hosts, labels.host);
  for (const { labels, value } of found.handshake) of(labels).handshake = value === 0 ? -1 : now - value;
  for (const { labels, value } of found.received) of(labels).received = value;
  for (const { labels, value } of found.sent) of(labels).sent = value;
}

function jobsOfClusters(f, found) {
  const up = new Map(found.clusterSum.map((s) => [`${s.labels.cluster}\n${s.labels.job}`, s.value]));
  for (const { labels, value } of found.clusterCount) {
    const cluster = f.clusters.get(labels.cluster);
    if (!cluster) continue;
    cluster.inside ??= [];
    cluster.inside.push({ job: labels.job, count: value, up: up.get(`${labels.cluster}\n${labels.job}`) ?? null });
  }
}

// whom is which host or cluster an alert is about: {kind, name}; of neither, the name is "".
function whom({ role, host, name, cluster }) {
  if (host && role === "monitor") return { kind: "host", name: host };
  return name || !cluster ? { kind: "host", name: name ?? "" } : { kind: "cluster", name: cluster };
}

// stateOf is up if all jobs are, down if none is, and unknown if there are none.
function stateOf(end) {
  const values = [...end.jobs.values()];
  if (values.length === 0) return "unknown";
  if (values.every((v) => v === 1)) return "up";
  return values.every((v) => v === 0) ? "down" : "partly";
}

// counts are how many are in each state.
function counts(ends) {
  const all = { down: 0, partly: 0, unknown: 0, up: 0 };
  for (const end of ends) all[end.state]++;
  return all;
}

// counted is that in words, such as "2 down, 5 up".
function counted(ends) {
  const all = counts(ends);
  return states.filter((s) => all[s] > 0).map((s) => `${all[s]} ${stateWords[s]}`).join(", ") || "none";
}

function worstFirst(a, b) { return states.indexOf(a.state) - states.indexOf(b.state) || byName(a, b); }

const order = new Intl.Collator("en", { numeric: true });

function byName(a, b) { return order.compare(a.name, b.name); }

// matches says whether a host or cluster is one that the filter asks for: each of its words is in the name, region, state or a cause.
function matches(end, filter) {
  const text = `${end.name} ${end.region} ${stateWords[end.state]} ${end.causes.join(" ")}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function handshakeText(end) { return end.handshake === -1 ? "none yet" : end.handshake === null ? unknown : `${age(end.handshake)} ago`; }

function addressOf(kind, name) { return `#/${kind}/${encodeURIComponent(name)}`; }
