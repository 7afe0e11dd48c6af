"use strict";
// Firing alerts, those of one name together: when a region is gone, hundreds have the same.

const shown = 30; // of one alert

// drawAlerts lists alerts in a parent.
function drawAlerts(parent, alerts, pending) {
  const groups = new Map();
  for (const a of alerts) {
    if (!groups.has(a.labels.alertname)) groups.set(a.labels.alertname, []);
    groups.get(a.labels.alertname).push(a);
  }
  const nothing = parent.querySelector(":scope > p") ?? parent.appendChild(el("p"));
  const waiting = pending ? ` ${plural(pending, "alert is", "alerts are")} pending: not long enough to fire.` : "";
  say(nothing, (groups.size === 0 ? "None." : "") + waiting);
  const list = parent.querySelector(":scope > ul") ?? parent.appendChild(el("ul", { class: "alerts" }));
  sync(list, [...groups].sort(severest), ([name]) => name,
    () => el("li", null, el("h3"), el("p"), el("ul")),
    (item, [name, all]) => {
      const [head, summary, of] = item.children;
      const severity = all[0].labels.severity ?? "no severity";
      set(item, { class: severity === "critical" ? "critical" : "warning" });
      say(head, `${name}${all.length > 1 ? ` × ${all.length}` : ""} (${severity})`);
      say(summary, all[0].annotations?.summary ?? "");
      drawAlertsOf(of, all);
    });
}

function severest([a, all], [b, others]) {
  const critical = (list) => list.some((alert) => alert.labels.severity === "critical");
  return critical(others) - critical(all) || order.compare(a, b);
}

// drawAlertsOf lists whom one alert is about, and since when.
function drawAlertsOf(list, all) {
  const first = all.slice(0, shown);
  const more = all.length > first.length ? [{ more: all.length - first.length }] : [];
  sync(list, [...first, ...more], (a) => a.more ? "more" : JSON.stringify(a.labels), () => el("li"),
    (item, a) => fill(item, a.more ? `and ${a.more} more` : el("span", null, ...aboutWhom(a.labels), alertDetails(a))));
}

// aboutWhom is a link to the host or the cluster that an alert is about; nothing if it is about neither.
function aboutWhom(labels) {
  const { kind, name } = whom(labels);
  return name ? [el("a", { href: addressOf(kind, name) }, name)] : [];
}

const said = new Set(["alertname", "severity", "name", "region", "role", "instance"]);

function alertDetails(a) {
  const labels = Object.entries(a.labels).filter(([k]) => !said.has(k)).map(([k, v]) => `${k} ${v}`);
  return ` ${[...labels, `since ${new Date(a.activeAt).toLocaleString()}`].join(", ")}`;
}
