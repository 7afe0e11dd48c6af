"use strict";
// Prometheus's HTTP API. It is the only thing that the page asks.

const home = new URL("../", document.baseURI);
home.username = home.password = ""; // of an address with a login: the browser sends it anyway, and fetch refuses it
const api = new URL("api/v1/", home);
const patience = 15000; // milliseconds; a query of a large fleet takes less than one second

// Away is the error when Prometheus does not answer at all.
class Away extends Error {}

async function ask(path, parameters) {
  const url = new URL(path, api);
  url.search = new URLSearchParams(parameters ?? {});
  let answer;
  try {
    const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(patience) });
    if (response.status === 502 || response.status === 503 || response.status === 504) throw new Away(`it answers ${response.status}`);
    answer = await response.json();
  } catch (error) {
    throw error instanceof SyntaxError ? new Error(`${url.pathname} is no JSON`) : new Away(error.message);
  }
  if (answer.status !== "success") throw new Error(answer.error);
  return answer.data;
}

// instant is what a query gives now: a list of {labels, value, at}. at is the monitor's clock, in seconds since 1970.
async function instant(query) {
  const data = await ask("query", { query });
  return data.result.map((r) => ({ labels: r.metric, value: Number(r.value[1]), at: r.value[0] }));
}

// over is what a query gave in a span of time, in seconds: a list of {labels, points}, where points has a value by moment.
async function over(query, start, end, step) {
  const data = await ask("query_range", { query, start, end, step });
  return data.result.map((r) => ({ labels: r.metric, points: new Map(r.values.map(([t, v]) => [t, Number(v)])) }));
}

// alive rejects with Away if Prometheus does not answer.
async function alive() {
  try {
    const response = await fetch(new URL("-/healthy", home), { cache: "no-store", signal: AbortSignal.timeout(patience) });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
  } catch (error) {
    throw new Away(error.message);
  }
}

// quoted is a label's value in a query.
function quoted(value) { return JSON.stringify(value); }

// scrapeInterval is the fleet's, in seconds; 15 if its configuration does not say.
async function scrapeInterval() {
  const found = /^\s*scrape_interval: (\S+)/m.exec((await ask("status/config")).yaml);
  return (found && seconds(found[1])) || 15;
}

function seconds(duration) {
  const units = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };
  let sum = 0;
  for (const [, number, unit] of duration.matchAll(/(\d+)(ms|[smhd])/g)) sum += number * units[unit];
  return sum;
}
