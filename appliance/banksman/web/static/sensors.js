// Sensor tiles with sparklines, and the enlarged plot. Keeps a bounded history of each sensor.

import { byId, h, keyed, s, say, show } from "./dom.js";
import { clockTime, duration, reading, unitOf } from "./format.js";
import { ask } from "./talk.js";
import { drawPlot, lineOf } from "./plot.js";

const POINTS_MAX = 900;
const SPARK_S = 120;
const FETCHES = 3;
const histories = new Map(); // id -> {points: [[ms, value]], integer}
let enlarged = null;

export const historyOf = (id) => {
  if (!histories.has(id)) histories.set(id, { points: [], integer: true });
  return histories.get(id);
};

/** Load what the box remembers of these sensors, a few at a time. */
export async function loadHistories(ids) {
  const queue = [...ids];
  const worker = async () => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      try {
        const answer = await ask("GET", `/api/v1/sensors/${encodeURIComponent(id)}/history`);
        const history = historyOf(id);
        const points = answer.points.map(([ns, value]) => [ns / 1e6, value]);
        const newest = points.at(-1)?.[0] ?? 0;
        history.points = [...points, ...history.points.filter(([ms]) => ms > newest)].slice(-POINTS_MAX);
        history.integer = history.points.every(([, value]) => value === null || Number.isInteger(value));
      } catch {
        // The tile goes on from live values; the next connection asks again.
      }
    }
  };
  await Promise.all(Array.from({ length: FETCHES }, worker));
}

/** Take newest readings into the histories. */
export function remember(sensors, wallNs) {
  for (const sensor of sensors) {
    const history = historyOf(sensor.id);
    const usable = sensor.quality !== "bad" && sensor.value !== null;
    const ms = wallNs / 1e6 - (usable ? (sensor.age_ms ?? 0) : 0);
    if (sensor.value !== null && !Number.isInteger(sensor.value)) history.integer = false;
    if (ms > (history.points.at(-1)?.[0] ?? 0)) history.points.push([ms, usable ? sensor.value : null]);
    if (history.points.length > POINTS_MAX) history.points.splice(0, history.points.length - POINTS_MAX);
  }
}

/** Show a tile for each sensor. */
export function showSensors(sensors) {
  const unfit = sensors.filter(isUnfit).length;
  say(byId("sensors-sum"), unfit ? `${unfit} of ${sensors.length} not usable` : "last two minutes; choose a tile for more");
  keyed(byId("sensors"), sensors.filter((sensor) => sensor.unit !== "flag"), (sensor) => sensor.id, tile);
  keyed(byId("flags"), sensors.filter((sensor) => sensor.unit === "flag"), (sensor) => sensor.id, flag);
  if (enlarged) refreshPlot(sensors.find((sensor) => sensor.id === enlarged));
}

const isUnfit = (sensor) => sensor.stale || sensor.quality !== "good";

function tile(first) {
  const label = h("span", { class: "label" });
  const chip = h("span", { class: "chip odd" });
  const value = h("span");
  const unit = h("small");
  const text = h("span", { class: "text" });
  const line = s("path", { class: "line" });
  const area = s("path", { class: "area" });
  const tip = h("i", { class: "tip" });
  const spark = h("span", { class: "spark", "aria-hidden": "true" },
    s("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none" }, area, line), tip);
  const node = h("button", { type: "button", class: "tile", "data-sensor": first.id },
    h("span", { class: "top" }, label, chip), h("span", { class: "reading" }, value, unit), text, spark);
  node.addEventListener("click", () => enlarge(first.id));
  const update = (sensor) => {
    const history = historyOf(sensor.id);
    const fault = faultOf(sensor);
    node.classList.toggle("unfit", Boolean(fault));
    say(label, sensor.label || sensor.id);
    say(chip, fault);
    show(chip, Boolean(fault));
    say(value, reading(sensor, history.integer));
    say(unit, unitOf(sensor.unit));
    say(text, sensor.text);
    show(text, Boolean(sensor.text));
    const shape = lineOf(history.points, SPARK_S * 1000, 100, 40, 4);
    line.setAttribute("d", shape.line);
    area.setAttribute("d", shape.area);
    show(tip, shape.last !== null);
    tip.style.top = `${((shape.last ?? 0) / 40) * 100}%`;
  };
  return { node: h("li", {}, node), update };
}

/** A 0/1 sensor takes one line; its plot is behind it like a tile's. */
function flag(first) {
  const label = h("span", { class: "label" });
  const value = h("span", { class: "state" });
  const node = h("button", { type: "button", class: "flag", "data-sensor": first.id }, label, value);
  node.addEventListener("click", () => enlarge(first.id));
  const update = (sensor) => {
    const fault = faultOf(sensor);
    node.className = `flag${fault ? " unfit" : sensor.value ? " on" : ""}`;
    say(label, sensor.label || sensor.id);
    say(value, fault || reading(sensor, true));
  };
  return { node: h("li", {}, node), update };
}

function faultOf(sensor) {
  if (sensor.count === 0) return "never read";
  if (sensor.stale) return `stale ${duration((sensor.age_ms ?? 0) / 1000)}`;
  return sensor.quality === "good" ? "" : sensor.quality;
}

function enlarge(id) {
  enlarged = id;
  byId("plot").showModal();
  refreshPlot(current.get(id));
}

const current = new Map();

/** Know the newest view of each sensor, for the plot. */
export function note(sensors) {
  for (const sensor of sensors) current.set(sensor.id, sensor);
}

byId("plot").addEventListener("close", () => { enlarged = null; });

function refreshPlot(sensor) {
  if (!sensor) return;
  const history = historyOf(sensor.id);
  const known = history.points.filter(([, value]) => value !== null);
  say(byId("plot-title"), sensor.label || sensor.id);
  const values = known.map(([, value]) => value);
  const extremes = known.length
    ? `, lowest ${reading({ ...sensor, value: Math.min(...values) }, history.integer)}, highest ${reading({ ...sensor, value: Math.max(...values) }, history.integer)} since ${clockTime(known[0][0] * 1e6)}`
    : "";
  const words = `${reading(sensor, history.integer)} ${unitOf(sensor.unit)}`.trim();
  say(byId("plot-sum"), `${sensor.id}: now ${words}${extremes}${faultOf(sensor) ? `, ${faultOf(sensor)}` : ""}`);
  drawPlot(byId("plot-area"), history.points, unitOf(sensor.unit));
}
