"use strict";
// Plots of one host or cluster, by uPlot. Each has its newest and highest values in words.

const spans = { "15 minutes": 900, "1 hour": 3600, "6 hours": 21600, "1 day": 86400, "1 week": 604800 };
const dashes = [[], [8, 4], [2, 3], [12, 3, 2, 3]]; // so that lines differ without their colours
const plotted = 8; // lines in one plot

// hostPlots are the plots of a host: {title, unit, lines}. lines are queries by name, or one query whose series are named by a label.
function hostPlots(name, window) {
  const host = `name=${quoted(name)}`;
  const disk = `${host},fstype!~"tmpfs|ramfs|squashfs|overlay|efivarfs|iso9660|udf|fuse.*"`;
  const traffic = (way) => `sum(rate(node_network_${way}_bytes_total{${host},device!~"lo|promwire0"}[${window}]))`;
  return [
    { title: "CPU in use", unit: percent, top: 100, lines: { "all processors": `100 * (1 - avg(rate(node_cpu_seconds_total{${host},mode="idle"}[${window}])))` } },
    { title: "Memory in use", unit: percent, top: 100, lines: { memory: `100 * (1 - node_memory_MemAvailable_bytes{${host}} / node_memory_MemTotal_bytes{${host}})` } },
    { title: "Disk in use", unit: percent, top: 100, by: "mountpoint", query: `100 * (1 - node_filesystem_avail_bytes{${disk}} / node_filesystem_size_bytes{${disk}})` },
    { title: "Network, without the tunnel", unit: rate, lines: { received: traffic("receive"), sent: traffic("transmit") } },
    { title: "Load", unit: plain, lines: { "1 minute": `node_load1{${host}}`, "15 minutes": `node_load15{${host}}` } },
    { title: "Scraped (1: up)", unit: plain, top: 1, by: "job", query: `up{${host}}` },
  ];
}

function clusterPlots(name) {
  const cluster = `cluster=${quoted(name)}`;
  return [
    { title: "Federated (1: up)", unit: plain, top: 1, lines: { federation: `up{job="federate",${cluster}}` } },
    { title: "Its targets that are up", unit: percent, top: 100, by: "job", query: `100 * sum by (job) (job:up:sum{${cluster}}) / sum by (job) (job:up:count{${cluster}})` },
    { title: "Series taken in a scrape", unit: plain, lines: { series: `scrape_samples_scraped{job="federate",${cluster}}` } },
    { title: "Time of a scrape, in seconds", unit: plain, lines: { federation: `scrape_duration_seconds{job="federate",${cluster}}` } },
  ];
}

// askPlot asks for a plot's lines until now: a list of {name, points}, and the moments of all.
async function askPlot(p, span, interval, now) {
  const step = Math.max(interval, Math.ceil(span / 240));
  const end = Math.floor(now / step) * step;
  const start = end - Math.floor(span / step) * step;
  const moments = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => start + i * step);
  const asked = p.query ? [[null, p.query]] : Object.entries(p.lines);
  const answers = await Promise.all(asked.map(async ([name, query]) => (await over(query, start, end, step)).map((s) => ({ name: name ?? s.labels[p.by] ?? "", points: s.points }))));
  return { moments, lines: answers.flat().sort(byName).slice(0, plotted) };
}

// drawPlot draws a plot into its figure, which it keeps from one refresh to the next.
function drawPlot(figure, p, { moments, lines }) {
  const values = lines.map((l) => moments.map((t) => l.points.get(t) ?? null));
  const [, canvas, words] = figure.children;
  sync(words, lines.map((l, i) => ({ ...l, i })), (l) => `${l.i} ${l.name}`,
    (l) => el("li", null, el("svg:svg", { width: 28, height: 8, "aria-hidden": "true" },
      el("svg:line", { x1: 0, x2: 28, y1: 4, y2: 4, class: `stroke${l.i % 4}`, "stroke-dasharray": dashes[l.i % 4].join(" ") || null })), el("span")),
    (item, l) => say(item.lastChild, ` ${l.name}: ${newestAndHighest(values[l.i], p.unit)}`));
  const key = JSON.stringify([lines.map((l) => l.name), canvas.clientWidth, dark.matches]);
  if (lines.length === 0) {
    figure.plot?.destroy();
    figure.plot = figure.plotKey = null;
    say(canvas, "No data.");
    return;
  }
  if (figure.plotKey === key) {
    figure.plot.setData([moments, ...values]);
    return;
  }
  figure.plot?.destroy();
  canvas.replaceChildren();
  figure.plotKey = key;
  figure.plot = new uPlot(plotOptions(p, lines, canvas.clientWidth), [moments, ...values], canvas);
}

function newestAndHighest(values, unit) {
  const known = values.filter((v) => v !== null && !Number.isNaN(v));
  return `${unit(values.findLast((v) => v !== null) ?? null)} now, ${known.length ? unit(Math.max(...known)) : unknown} at most`;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(); }

function plotOptions(p, lines, width) {
  const axis = { stroke: colour("text"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1 } };
  return {
    width, height: 170, legend: { show: false }, cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), p.top ?? Math.max((high ?? 1) * 1.1, 1e-9)] } },
    axes: [axis, { ...axis, size: 76, values: (_, ticks) => ticks.map((t) => p.unit(t)) }],
    series: [{}, ...lines.map((l, i) => ({ label: "", stroke: colour(`line${i % 4}`), width: 1.5, dash: dashes[i % 4], points: { show: false } }))],
  };
}
