// What is hard to use on a page by keyboard, screen reader or with weak eyes: a list of complaints. Its value is that of the last expression.
(() => {
  const found = [];
  const visible = (e) => e.checkVisibility() && e.getClientRects().length > 0;
  const what = (e) => `${e.tagName.toLowerCase()}${e.id ? `#${e.id}` : ""} ${JSON.stringify((e.textContent || "").slice(0, 40))}`;

  for (const e of document.querySelectorAll("a, button, input, select, textarea")) {
    const name = e.getAttribute("aria-label") || (e.labels?.length ? e.labels[0].textContent : "") || (e.tagName === "INPUT" ? "" : e.textContent);
    if (!name.trim()) found.push(`${what(e)} has no name`);
    if (e.tagName === "A" && !e.hasAttribute("href")) found.push(`${what(e)} leads nowhere`);
  }

  let level = 0;
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(visible);
  for (const h of headings) {
    const now = Number(h.tagName[1]);
    if (now > level + 1) found.push(`${what(h)} comes after a heading of level ${level}`);
    level = now;
  }
  if (headings.filter((h) => h.tagName === "H1").length !== 1) found.push("there is not one h1");

  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`two elements have the id ${id}`);
  for (const e of document.querySelectorAll("[aria-labelledby]")) {
    if (!document.getElementById(e.getAttribute("aria-labelledby"))) found.push(`${what(e)} is labelled by nothing`);
  }
  for (const t of document.querySelectorAll("table")) {
    if (!t.querySelector("caption")?.textContent) found.push("a table has no caption");
    if (t.querySelector("thead th:not([scope=col])") || t.querySelector("tbody tr:not(:has(th[scope=row]))")) found.push(`${what(t)}: not all headers say of what`);
  }
  for (const m of ["[role=alert]", "[role=status]"]) if (!document.querySelector(m)) found.push(`nothing has ${m}`);
  if ([...document.querySelectorAll("main")].filter(visible).length !== 1) found.push("there is not one main");
  if (!document.documentElement.lang) found.push("the language is missing");

  // Contrast, as https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio has it.
  const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const variable = (name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const colour = rgb(getComputedStyle(probe).color);
    probe.remove();
    return colour;
  };
  const backs = [variable("--panel"), variable("--back")];
  let measured = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !visible(e) || e.closest(".unseen, title")) continue;
    const svg = e.closest("svg");
    const style = getComputedStyle(e);
    const pairs = svg ? backs.map((b) => [rgb(style.fill), b]) : [[rgb(style.color), behind(e)]];
    for (const [text, back] of pairs) {
      measured++;
      if (ratio(text, back) < 4.5) found.push(`${what(e)} has the contrast ${ratio(text, back).toFixed(2)}`);
    }
  }
  if (measured < 20) found.push(`the contrast of only ${measured} texts was measured`);
  // Signs and lines need 3 to 1: https://www.w3.org/TR/WCAG22/#non-text-contrast.
  for (const e of document.querySelectorAll(".sign, .line")) {
    const style = getComputedStyle(e);
    const colour = rgb(e.classList.contains("sign") ? style.fill : style.stroke);
    for (const b of backs) if (ratio(colour, b) < 3) found.push(`${e.getAttribute("class")} has the contrast ${ratio(colour, b).toFixed(2)}`);
  }
  return [...new Set(found)];
})()
