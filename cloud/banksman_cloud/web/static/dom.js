// Elements and words. What nodes have said goes in as text only: nothing here parses markup.

export const byId = (id) => document.getElementById(id);

/** An element: h("p", {class: "quiet"}, "text", child). */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set a text, only when it changes. */
export function say(node, text) {
  const words = String(text ?? "");
  if (node.textContent !== words) node.textContent = words;
}

const drawn = new WeakMap();

/** Replace the children only when `state` has changed: focus, scroll and selection survive. */
export function redraw(parent, state, make) {
  const key = JSON.stringify(state);
  if (drawn.get(parent) === key) return;
  drawn.set(parent, key);
  parent.replaceChildren(...make());
}

/** Term and description pairs: [[term, text, class]]. */
export function pairs(list, rows) {
  list.replaceChildren(...rows.flatMap(([term, text, kind]) => [
    h("dt", {}, term), h("dd", kind ? { class: kind } : {}, String(text))]));
}

export const count = (number) => Number(number ?? 0).toLocaleString("en-GB").replaceAll(",", "\u202f");

/** Seconds as people say them. */
export function ago(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** A time; with its day unless that is today. */
export function when(ns) {
  const then = new Date(ns / 1e6);
  const today = then.toDateString() === new Date().toDateString();
  const day = today ? "" : `${then.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} `;
  return day + then.toLocaleTimeString("en-GB");
}

/** process_control -> Process control. */
export function words(name) {
  const spaced = String(name ?? "").replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
