// A node's goodput over its last heartbeats: one line; a gap is a time in which none came.

import { when } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 54;
const GAP_BEATS = 3.5;

function s(tag, attributes, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

/** An SVG of [[heard_ms, goodput, round trip, reliability]], or null where there is nothing to draw. */
export function linkPlot(points) {
  const known = points.filter(([, mbit]) => mbit !== null);
  if (known.length < 2) return null;
  const steps = points.slice(1).map(([ms], index) => ms - points[index][0]).sort((a, b) => a - b);
  const gap = GAP_BEATS * steps[Math.floor(steps.length / 2)];
  const [start, end] = [points[0][0], points.at(-1)[0]];
  const high = Math.max(...known.map(([, mbit]) => mbit), 1e-3) * 1.08;
  const x = (ms) => ((ms - start) / Math.max(1, end - start)) * WIDTH;
  const y = (mbit) => HEIGHT - 2 - (mbit / high) * (HEIGHT - 4);
  let line = "";
  let before = -Infinity;
  for (const [ms, mbit] of points) {
    if (mbit !== null) line += `${ms - before > gap ? "M" : "L"}${x(ms).toFixed(1)} ${y(mbit).toFixed(1)}`;
    before = mbit === null ? -Infinity : ms;
  }
  const words = `Goodput up to ${(high / 1.08).toFixed(1)} Mbit/s from ${when(start * 1e6)} to ${when(end * 1e6)}`;
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words, class: "linkplot" });
  svg.append(s("title", {}, words), s("path", { class: "floor", d: `M0 ${HEIGHT - 1}H${WIDTH}` }), s("path", { class: "trace", d: line }));
  return svg;
}
