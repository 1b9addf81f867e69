// Lines from points. A gap (null) breaks the line: nothing is invented between readings.

import { s } from "./dom.js";
import { clockTime, number } from "./format.js";

const WIDTH = 960;
const HEIGHT = 380;
const EDGE = { left: 68, right: 14, top: 22, bottom: 34 };

/** SVG paths of the newest `spanMs` in a box of width x height; `last` is the newest point's y. */
export function lineOf(points, spanMs, width, height, pad) {
  const end = points.at(-1)?.[0] ?? 0;
  const shown = points.filter(([ms]) => ms >= end - spanMs);
  const [low, high] = rangeOf(shown);
  const x = (ms) => width - ((end - ms) / spanMs) * width;
  const y = (value) => height - pad - ((value - low) / (high - low)) * (height - 2 * pad);
  return trace(shown, x, y, height);
}

function trace(points, x, y, floor) {
  let line = "";
  let area = "";
  let run = [];
  const close = () => {
    if (run.length) {
      const path = run.map(([px, py], index) => `${index ? "L" : "M"}${px.toFixed(2)} ${py.toFixed(2)}`).join("");
      line += path;
      area += `${path}L${run.at(-1)[0].toFixed(2)} ${floor}L${run[0][0].toFixed(2)} ${floor}Z`;
    }
    run = [];
  };
  for (const [ms, value] of points) {
    if (value === null) close();
    else run.push([x(ms), y(value)]);
  }
  const last = run.at(-1)?.[1] ?? null;
  close();
  return { line, area, last };
}

function rangeOf(points) {
  const values = points.filter(([, value]) => value !== null).map(([, value]) => value);
  if (!values.length) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const least = Math.max(Math.abs(high) * 0.02, 1e-6);
  const spare = Math.max(0, least - (high - low)) / 2;
  return [low - spare, high + spare];
}

/** Round steps of 1, 2 or 5 that cover low..high. */
export function ticksOf(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) ticks.push(tick);
  return { ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** Draw the whole history with axes, time and unit, and a crosshair that reads values. */
export function drawPlot(area, points, unit) {
  const narrow = area.clientWidth < 560;
  const width = narrow ? 480 : WIDTH;
  const height = narrow ? 320 : HEIGHT;
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Plot over time" });
  const start = points[0]?.[0] ?? 0;
  const end = Math.max(points.at(-1)?.[0] ?? 1, start + 1000);
  const [low, high] = rangeOf(points);
  const room = (high - low) * 0.06;
  const x = (ms) => EDGE.left + ((ms - start) / (end - start)) * (width - EDGE.left - EDGE.right);
  const y = (value) => height - EDGE.bottom - ((value - low + room) / (high - low + 2 * room)) * (height - EDGE.top - EDGE.bottom);
  const { ticks, digits } = ticksOf(low - room, high + room, 5);
  for (const tick of ticks) {
    svg.append(
      s("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
      s("text", { x: EDGE.left - 10, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(digits)),
    );
  }
  const marks = narrow ? 3 : 6;
  for (let mark = 0; mark <= marks; mark += 1) {
    const ms = start + ((end - start) * mark) / marks;
    const anchor = mark === 0 ? "start" : mark === marks ? "end" : "middle";
    svg.append(s("text", { x: x(ms), y: height - 10, "text-anchor": anchor }, clockTime(ms * 1e6)));
  }
  const floor = height - EDGE.bottom;
  const shape = trace(points, x, y, floor);
  const cross = s("line", { class: "cross", y1: EDGE.top, y2: floor, visibility: "hidden" });
  const readout = s("text", { class: "readout", y: 14, "text-anchor": "middle" });
  svg.append(
    s("text", { x: EDGE.left - 10, y: 12, "text-anchor": "end" }, unit),
    s("line", { class: "axis", x1: EDGE.left, x2: width - EDGE.right, y1: floor, y2: floor }),
    s("path", { class: "area", d: shape.area }), s("path", { class: "line", d: shape.line }), cross, readout,
  );
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const ms = start + (((event.clientX - box.left) / box.width) * width - EDGE.left) / (width - EDGE.left - EDGE.right) * (end - start);
    const nearest = points.reduce((best, point) => (Math.abs(point[0] - ms) < Math.abs(best[0] - ms) ? point : best), points[0]);
    if (!nearest) return;
    for (const end_ of ["x1", "x2"]) cross.setAttribute(end_, x(nearest[0]));
    cross.setAttribute("visibility", "visible");
    readout.setAttribute("x", Math.min(width - 90, Math.max(EDGE.left + 70, x(nearest[0]))));
    readout.textContent = `${number(nearest[1])} ${unit} at ${clockTime(nearest[0] * 1e6)}`;
  });
  area.replaceChildren(svg);
}
