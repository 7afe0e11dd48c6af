"use strict";
// How the page makes elements. Names and labels come from hosts, which may be hostile: they become text or the value of an attribute, and
// never markup.

// el makes an element; "svg:g" is one of SVG. An attribute that is null is left out. Children are elements or texts.
function el(name, attributes, ...children) {
  const [kind, svg] = name.startsWith("svg:") ? [name.slice(4), true] : [name, false];
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", kind) : document.createElement(kind);
  set(made, attributes ?? {});
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// set gives an element attributes, and touches none that is right already.
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
  return element;
}

// say gives an element a text, and touches it only if that is another one: a screen reader reads aloud what is touched.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  return element;
}

// sync makes a parent's children those of items, in their order. A child stays the same element while its key is there, so that it keeps the
// focus when the page refreshes. make gets an item; update gets the child and the item.
function sync(parent, items, key, make, update) {
  const former = parent.children_ ?? new Map();
  const now = new Map();
  let next = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    const child = former.get(name) ?? make(item);
    now.set(name, child);
    update?.(child, item);
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
  for (const [name, child] of former) if (!now.has(name)) child.remove();
  parent.children_ = now;
}

// table makes the table of a parent once, and then keeps its rows. A column is {title, cell, wide, head}: cell gives an item's text or element,
// wide is left out on phones, head is the row's heading.
function table(parent, caption, columns, items, key, nothing) {
  if (items.length === 0) {
    if (parent.firstChild?.className !== "none") parent.replaceChildren(el("p", { class: "none" }));
    say(parent.firstChild, nothing);
    return;
  }
  if (parent.firstChild?.tagName !== "TABLE") {
    const heads = columns.map((c) => el("th", { scope: "col", class: c.wide ? "wide" : null }, c.title));
    parent.replaceChildren(el("table", null, el("caption", { class: "unseen" }, caption), el("thead", null, el("tr", null, ...heads)), el("tbody")));
  }
  sync(parent.querySelector("tbody"), items, key,
    () => el("tr", null, ...columns.map((c) => el(c.head ? "th" : "td", { scope: c.head ? "row" : null, class: c.wide ? "wide" : null }))),
    (row, item) => columns.forEach((c, i) => fill(row.children[i], c.cell(item))));
}

// fill gives a cell its content: a text; or an element, in place of one that says something else.
function fill(cell, content) {
  if (!(content instanceof Element)) say(cell, content);
  else if (cell.childNodes.length !== 1 || !cell.firstChild.isEqualNode(content)) cell.replaceChildren(content);
}
