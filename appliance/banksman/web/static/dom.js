// Making and keeping elements. Text goes in as text only: nothing here ever parses markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Make an element: h("p", {class: "quiet", title: "…"}, "text", child). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set an element's text, only when it changes, so that screen readers stay calm. */
export function say(node, text) {
  const words = String(text ?? "");
  if (node.textContent !== words) node.textContent = words;
  return node;
}

/** Show or hide. */
export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

const kept = new WeakMap();

/** Keep one child of `parent` per item, in order: focus and scroll survive an update.
 *  `make(item)` returns {node, update(item)}. */
export function keyed(parent, items, keyOf, make) {
  const before = kept.get(parent) ?? new Map();
  const after = new Map();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const entry = before.get(key) ?? make(item);
    entry.update(item);
    after.set(key, entry);
    if (entry.node === place) place = place.nextElementSibling;
    else parent.insertBefore(entry.node, place);
  }
  for (const [key, entry] of before) if (!after.has(key)) entry.node.remove();
  kept.set(parent, after);
}

/** Fill a list of term and description pairs: [[term, text, class]]. */
export function pairs(list, rows) {
  keyed(list, rows.flatMap(([term, text, kind]) => [["dt", term, term, ""], ["dd", term, text, kind]]),
    ([tag, term]) => tag + term,
    ([tag]) => {
      const node = h(tag);
      return { node, update: ([, , text, kind]) => { say(node, text); node.className = kind ?? ""; } };
    });
}
