// Plots of one machine: a spectrum with its marks, a trend with its band, limit and forecast cone.
// A narrow screen gets a smaller drawing, so that its letters stay readable.

import { h, s } from "./dom.js";
import { clockTime, number } from "./format.js";
import { ticksOf } from "./plot.js";

const EDGE = { left: 62, right: 14, top: 26, bottom: 32 };
const HOUR_MS = 3_600_000;
const MARKS_MAX = 6;
const MARK_GAP = 14; // between the letters of two marks

const narrow = () => globalThis.innerWidth < 620;

function frame(words, from, to, low, high, unit, tall = false) {
  const width = narrow() ? 330 : tall ? 960 : 470;
  const height = narrow() ? 250 : tall ? 330 : 250;
  const floor = height - EDGE.bottom;
  const x = (value) => EDGE.left + ((value - from) / (to - from || 1)) * (width - EDGE.left - EDGE.right);
  const y = (value) => floor - ((value - low) / (high - low || 1)) * (floor - EDGE.top);
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words });
  const { ticks, digits } = ticksOf(low, high, 4);
  for (const tick of ticks) {
    svg.append(s("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
      s("text", { x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(digits)));
  }
  svg.append(s("line", { class: "axis", x1: EDGE.left, x2: width - EDGE.right, y1: floor, y2: floor }),
    s("text", { x: EDGE.left - 8, y: 12, "text-anchor": "end" }, unit));
  return { svg, x, y, width, floor };
}

const path = (points) => points.map(([px, py], index) => `${index ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");

/** A spectrum as a figure; `marks` are lines to point at: [{frequency_hz, label, times_floor}]. */
export function spectrumFigure(caption, spectrum, unit, marks = []) {
  const { step_hz: step, values } = spectrum;
  const end = step * values.length;
  const high = Math.max(...values, 1e-12) * 1.05;
  const shown = marks.filter((mark) => mark.frequency_hz <= end).slice(0, MARKS_MAX);
  const told = shown.length ? `; marked: ${shown.map((mark) => `${mark.label} at ${number(mark.frequency_hz)} Hz`).join(", ")}` : "";
  const { svg, x, y, width, floor } = frame(`${caption}, 0 to ${number(end, true)} Hz, highest ${number(high / 1.05)} ${unit}${told}`, 0, end, 0, high, unit);
  const marked = s("g", {});
  let level = 0; // letters stand at four heights, so that neighbours do not cover each other
  for (const mark of [...shown].sort((a, b) => b.frequency_hz - a.frequency_hz)) {
    const at = x(mark.frequency_hz);
    marked.append(s("line", { class: "mark", x1: at, x2: at, y1: EDGE.top, y2: floor }));
    const letters = EDGE.top + 10 + (level % 4) * MARK_GAP;
    level += 1;
    const left = at > width * 0.7;
    marked.append(s("text", { class: "mark-name", x: at + (left ? -4 : 4), y: letters, "text-anchor": left ? "end" : "start" }, mark.label));
  }
  const line = path(values.map((value, index) => [x((index + 1) * step), y(value)]));
  svg.append(s("path", { class: "area", d: `${line}L${x(end)} ${floor}L${x(step)} ${floor}Z` }), s("path", { class: "line", d: line }), marked);
  hertz(svg, x, end, floor, narrow() ? 3 : 4);
  return h("figure", {}, h("figcaption", {}, caption), svg);
}

function hertz(svg, x, end, floor, wanted) {
  const { ticks, digits } = ticksOf(0, end, wanted);
  for (const tick of ticks) {
    const last = tick > end * 0.94;
    svg.append(s("text", { x: x(tick), y: floor + 18, "text-anchor": last ? "end" : tick ? "middle" : "start" }, `${tick.toFixed(digits)}${tick ? "" : " Hz"}`));
  }
}

/** A trend as a figure: its band of normal, its limit, and the cone of when that is reached. */
export function trendFigure(trend) {
  const times = trend.wall_ms;
  const levels = trend.levels;
  if (times.length < 2) return h("p", { class: "quiet" }, "Too few windows yet for a trend.");
  const known = levels.filter((value) => value !== null);
  const start = times[0];
  const now = times.at(-1);
  const ahead = trend.forecast && trend.forecast.hours !== null && trend.limit !== null ? trend.forecast : null;
  const span = Math.max(now - start, 1);
  const latest = ahead ? (ahead.high_hours ?? ahead.hours * 3) : 0;
  const end = now + (ahead ? Math.min(latest * HOUR_MS, 1.5 * Math.max(span, ahead.hours * HOUR_MS)) : 0);
  const all = [...known, trend.low, trend.high, trend.limit].filter((value) => value !== null);
  const [bottom, top] = [Math.min(...all), Math.max(...all)];
  const spare = Math.max((top - bottom) * 0.06, Math.abs(top) * 0.005, 1e-9);
  const caption = `${trend.name} when ${trend.state}, ${trend.unit || "no unit"}`;
  const { svg, x, y, width, floor } = frame(trendWords(trend, ahead), start, end, bottom - spare, top + spare, trend.unit, true);
  if (trend.low !== null && trend.high !== null) {
    svg.append(s("rect", { class: "band", x: EDGE.left, width: width - EDGE.left - EDGE.right, y: y(trend.high), height: Math.max(1, y(trend.low) - y(trend.high)) }),
      s("path", { class: "middle", d: `M${EDGE.left} ${y(trend.centre)}H${width - EDGE.right}` }));
  }
  if (trend.limit !== null) {
    svg.append(s("line", { class: "limit", x1: EDGE.left, x2: width - EDGE.right, y1: y(trend.limit), y2: y(trend.limit) }),
      s("text", { class: "limit-name", x: EDGE.left + 6, y: y(trend.limit) - 6 }, `limit ${number(trend.limit)}`));
  }
  let run = [];
  let line = "";
  levels.forEach((value, index) => {
    if (value === null) { line += path(run); run = []; } else run.push([x(times[index]), y(value)]);
  });
  svg.append(s("path", { class: "line", d: line + path(run) }));
  if (ahead) cone(svg, trend, ahead, { x, y, now, end, floor });
  const marks = narrow() ? 2 : 5;
  for (let mark = 0; mark <= marks; mark += 1) {
    const ms = start + ((end - start) * mark) / marks;
    svg.append(s("text", { x: x(ms), y: floor + 18, "text-anchor": mark === 0 ? "start" : mark === marks ? "end" : "middle" }, stamp(ms, end - start)));
  }
  return h("figure", {}, h("figcaption", {}, caption), svg);
}

// From the level of the newest windows to the limit, as soon and as late as the forecast allows.
function cone(svg, trend, ahead, { x, y, now, end, floor }) {
  const newest = trend.levels.filter((value) => value !== null).slice(-5).sort((a, b) => a - b);
  const level = newest[Math.floor(newest.length / 2)];
  const at = (hours) => {
    const ms = now + hours * HOUR_MS;
    if (ms <= end) return [x(ms), y(trend.limit)];
    return [x(end), y(level + ((trend.limit - level) * (end - now)) / (ms - now))];
  };
  const from = [x(now), y(level)];
  const late = ahead.high_hours === null ? [x(end), y(level)] : at(ahead.high_hours);
  const short = trend.limit > level ? late[1] > y(trend.limit) : late[1] < y(trend.limit);
  const beyond = short ? [[x(end), y(trend.limit)]] : [];
  svg.append(s("path", { class: "cone", d: `${path([from, at(ahead.low_hours), ...beyond, late])}Z` }),
    s("path", { class: "ahead", d: path([from, at(ahead.hours)]) }),
    s("line", { class: "now", x1: from[0], x2: from[0], y1: EDGE.top, y2: floor }),
    s("text", { x: from[0] - 5, y: floor - 6, "text-anchor": "end" }, "now"));
}

function trendWords(trend, ahead) {
  const band = trend.low === null ? "its normal is not known yet" : `normal from ${number(trend.low)} to ${number(trend.high)}`;
  const limit = ahead ? `; reaches ${number(trend.limit)} in ${number(ahead.hours)} hours if it goes on so` : "";
  return `Trend of ${trend.name}: now ${number(trend.levels.at(-1))} ${trend.unit}, ${band}${limit}`;
}

function stamp(ms, span) {
  if (span < 20 * HOUR_MS) return clockTime(ms * 1e6).slice(0, span < 0.2 * HOUR_MS ? 8 : 5);
  return new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}
