"use strict";
// The fleet as a picture: the monitor, and its hosts by region. It is as wide as the page, so that nothing in it is ever scaled. Each state has
// a sign of its own, so that nobody needs to see colours.

const cell = 24;       // pixels: a host's row, or its square in a large fleet; large enough for a finger
const large = 80;      // hosts from which on each is only a sign
const narrow = 720;    // pixels: below it, all regions are in one column
const gap = 170;       // between two columns, where the monitor is
const margin = 8;

// signs of states, around the origin: a disc; a disc with a gap; a cross; a ring.
const signs = {
  up: "M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0Z",
  partly: "M-6,0a6,6 0 0,1 12,0Z M-6,2h12v2h-12Z",
  down: "M-7,-4L-4,-7L0,-3L4,-7L7,-4L3,0L7,4L4,7L0,3L-4,7L-7,4L-3,0Z",
  unknown: "M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0ZM-3.5,0a3.5,3.5 0 1,1 7,0a3.5,3.5 0 1,1 -7,0Z",
};

function sign(state) { return el("svg:path", { d: signs[state], class: `sign ${state}` }); }

// signKey says what each sign means.
function signKey(list) {
  for (const state of ["up", "partly", "down", "unknown"]) {
    list.append(el("li", null, el("svg:svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" }, sign(state)), ` ${stateWords[state]}`));
  }
}

// draw draws the hosts and clusters that the filter shows into a parent.
function draw(parent, f, filter) {
  const width = Math.max(280, parent.clientWidth);
  const picture = parent.firstChild ?? parent.appendChild(
    el("svg:svg", { class: "picture" }, el("svg:g"), el("svg:g"), el("svg:g"), el("svg:g")));
  const groups = grouped(f, filter);
  const many = groups.reduce((n, g) => n + g.ends.length, 0) > large;
  const height = lay(groups, width, many);
  const monitor = width < narrow ? { x: 63, y: 26 } : { x: width / 2, y: height / 2 };
  set(picture, {
    width, height, viewBox: `0 0 ${width} ${height}`, role: many ? "img" : "group",
    "aria-label": groups.map((g) => `${g.title}: ${counted(g.ends)}`).join("; ") || "no hosts",
  });
  const [lines, boxes, ends, middle] = picture.children;
  drawLines(lines, groups, monitor, many, width < narrow);
  drawBoxes(boxes, groups, many);
  drawEnds(ends, groups, many);
  drawMonitor(middle, f, monitor);
}

// grouped are the regions and the clusters: {title, kind, ends}.
function grouped(f, filter) {
  const regions = new Map();
  for (const host of [...f.hosts.values()].sort(byName)) {
    if (host.role === "monitor" || !matches(host, filter)) continue;
    if (!regions.has(host.region)) regions.set(host.region, { title: host.region || "no region", kind: "host", ends: [] });
    regions.get(host.region).ends.push(host);
  }
  const groups = [...regions.values()].sort((a, b) => order.compare(a.title, b.title));
  const clusters = [...f.clusters.values()].filter((c) => matches(c, filter)).sort(byName);
  if (clusters.length > 0) groups.push({ title: "clusters", kind: "cluster", ends: clusters });
  return groups;
}

// lay gives each group its place: left, top, width, height, and how many are in a row; and each of its ends x and y. It answers with the height of all.
function lay(groups, width, many) {
  const single = width < narrow;
  const columns = single ? [{ left: 30, bottom: 60 }] : [{ left: 0, bottom: 0 }, { left: (width + gap) / 2, bottom: 0 }];
  const wide = single ? width - 30 : (width - gap) / 2;
  for (const g of groups) {
    const column = columns.reduce((a, b) => (b.bottom < a.bottom ? b : a));
    const inRow = many ? Math.max(1, Math.floor((wide - 2 * margin) / cell)) : 1;
    const head = many ? 52 : 32;
    Object.assign(g, { left: column.left, top: column.bottom, width: wide, height: head + Math.ceil(g.ends.length / inRow) * cell + margin });
    g.ends.forEach((end, i) => {
      end.x = g.left + margin + (i % inRow) * cell + cell / 2;
      end.y = g.top + head + Math.floor(i / inRow) * cell + cell / 2;
    });
    column.bottom += g.height + 12;
  }
  return Math.max(110, ...columns.map((c) => c.bottom));
}

// drawLines draws one line to each host, or in a large fleet to each region.
function drawLines(parent, groups, monitor, many, single) {
  const lines = groups.flatMap((g) => {
    const edge = g.left > monitor.x || single ? g.left : g.left + g.width;
    if (many) return [{ key: `${g.kind} ${g.title}`, x: edge, y: g.top + 20, state: worst(g.ends) }];
    return g.ends.map((end) => ({ key: `${g.kind} ${end.name}`, x: edge, y: end.y, state: end.state }));
  });
  sync(parent, lines, (l) => l.key, () => el("svg:path"), (path, l) => {
    const bend = single ? `M14,${monitor.y}V${l.y - 8}q0,8 8,8H${l.x}` :
      `M${monitor.x},${monitor.y}C${(monitor.x + l.x) / 2},${monitor.y} ${(monitor.x + l.x) / 2},${l.y} ${l.x},${l.y}`;
    set(path, { class: `line ${l.state}`, d: bend });
  });
}

function worst(ends) { return states.find((s) => ends.some((end) => end.state === s)) ?? "unknown"; }

function drawBoxes(parent, groups, many) {
  sync(parent, groups, (g) => `${g.kind} ${g.title}`,
    () => el("svg:g", null, el("svg:rect", { rx: 6 }), el("svg:text", { class: "title" }), el("svg:text", { class: "more" })),
    (box, g) => {
      const [rect, title, more] = box.children;
      set(rect, { x: g.left + 0.5, y: g.top + 0.5, width: g.width - 1, height: g.height - 1, class: "box" });
      say(set(title, { x: g.left + margin + 2, y: g.top + 20 }), cut(`${g.title}: ${counted(g.ends)}`, letters(g.width - 20)));
      say(set(more, { x: g.left + margin + 2, y: g.top + 40 }), many ? cut(groupTunnel(g.ends), letters(g.width - 20)) : "");
    });
}

// letters is how many are sure to fit into so many pixels.
function letters(pixels) { return Math.floor(pixels / 7.2); }

// groupTunnel is the tunnel's part of a large fleet's region: its oldest handshake, and the traffic of all.
function groupTunnel(ends) {
  const known = ends.filter((end) => end.handshake !== null);
  if (known.length === 0) return `handshakes ${unknown}`;
  const oldest = known.some((end) => end.handshake === -1) ? "none yet" : age(Math.max(...known.map((end) => end.handshake)));
  const sum = (of) => known.reduce((all, end) => all + (end[of] ?? 0), 0);
  return `oldest handshake ${oldest}, ↓ ${rate(sum("received"))} ↑ ${rate(sum("sent"))}`;
}

function drawEnds(parent, groups, many) {
  const all = groups.flatMap((g) => g.ends.map((end) => ({ end, g })));
  sync(parent, all, ({ end, g }) => `${g.kind} ${end.name}`,
    ({ end, g }) => el("svg:a", { href: addressOf(g.kind, end.name) }, el("svg:rect", { class: "hit" }), sign(end.state), el("svg:title"), el("svg:text")),
    (link, { end, g }) => {
      const [hit, path, title, text] = link.children;
      const wide = many ? cell : g.width - 2 * margin;
      set(link, { tabindex: many ? -1 : null });
      set(hit, { x: end.x - cell / 2, y: end.y - cell / 2, width: wide, height: cell });
      set(path, { d: signs[end.state], class: `sign ${end.state}`, transform: `translate(${end.x},${end.y})` });
      say(title, `${end.name}: ${stateWords[end.state]}, handshake ${handshakeText(end)}, received ${rate(end.received)}, sent ${rate(end.sent)}`);
      set(text, { x: end.x + 16, y: end.y + 4 });
      say(text, many ? "" : rowText(end, letters(wide - 28)));
    });
}

// rowText is what fits beside a sign: the name first, then what is known of the tunnel.
function rowText(end, room) {
  const parts = [end.name];
  if (end.handshake !== null) parts.push(handshakeText(end));
  if (end.received !== null) parts.push(`↓ ${rate(end.received)} ↑ ${rate(end.sent)}`);
  if (parts.length === 1) parts.push(`tunnel ${unknown}`);
  return cut(parts.join(" · "), room);
}

function drawMonitor(parent, f, at) {
  const monitors = [...f.hosts.values()].filter((h) => h.role === "monitor");
  sync(parent, monitors, (h) => h.name,
    (h) => el("svg:a", { href: addressOf("host", h.name) }, el("svg:rect", { rx: 8, class: "monitor" }), sign(h.state), el("svg:title"), el("svg:text"), el("svg:text")),
    (link, h) => {
      const [rect, path, title, name, word] = link.children;
      set(rect, { x: at.x - 62, y: at.y - 25, width: 124, height: 50 });
      set(path, { d: signs[h.state], class: `sign ${h.state}`, transform: `translate(${at.x - 46},${at.y})` });
      say(title, `${h.name}, the monitor: ${stateWords[h.state]}`);
      say(set(name, { x: at.x - 32, y: at.y - 4 }), cut(h.name, 12));
      say(set(word, { x: at.x - 32, y: at.y + 14, class: "more" }), "monitor");
    });
}
