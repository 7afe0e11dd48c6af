"use strict";
// How values are written. null is what nobody knows, which is not 0.

const unknown = "not known";

function rounded(value) {
  if (value === 0) return "0";
  return value >= 100 ? value.toFixed(0) : value >= 0.1 ? value.toFixed(1).replace(/\.0$/, "") : value.toPrecision(1);
}

// age is a duration of seconds.
function age(seconds) {
  if (seconds === null) return unknown;
  const s = Math.max(0, seconds);
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.floor(s / 86400)} days`;
}

function bytes(value) {
  if (value === null) return unknown;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${rounded(value)} ${units[unit]}`;
}

function rate(value) { return value === null ? unknown : `${bytes(value)}/s`; }

function percent(value) { return value === null ? unknown : `${rounded(value)} %`; }

function plain(value) { return value === null ? unknown : rounded(value); }

// clock is a moment, in seconds since 1970.
function clock(seconds) { return new Date(seconds * 1000).toLocaleTimeString(); }

function day(seconds) { return new Date(seconds * 1000).toLocaleDateString(); }

// plural is a number of things.
function plural(n, one, many) { return `${n} ${n === 1 ? one : many ?? `${one}s`}`; }

// cut shortens a text to a number of letters.
function cut(text, letters) { return text.length > letters ? `${text.slice(0, Math.max(1, letters - 1))}…` : text; }
