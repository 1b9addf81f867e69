// The uplink's last hour: what it carried, how long it took, and how it stood with the endpoint.
// One drawing over one time axis; a gap is a time in which nobody answered.

import { byId, s, say, show } from "./dom.js";
import { clockTime, number } from "./format.js";
import { ticksOf } from "./plot.js";
import { ask } from "./talk.js";

const EVERY_MS = 5000;
const EDGE = { left: 46, right: 10 };
const PANEL = 66; // height of each curve's panel
const GAP = 28;
const STRIP = 12;
const SPAN_LEAST_MS = 300_000;
const WORDS = { up: "up", connecting: "connecting", down: "down", denied: "denied" };
const PANELS = [
  { name: "Goodput", unit: "Mbit/s", of: (history) => history.goodput_mbit },
  { name: "Round trip", unit: "ms", of: (history) => history.round_trip_ms },
];
let timer = 0;
let wanted = false;

/** Look at once and every few seconds while there is an uplink; `state` is SyncStatus.state. */
export function watchLink(state) {
  const was = wanted;
  wanted = state !== "off";
  show(byId("uplink"), wanted);
  if (wanted && !was) look();
}

async function look() {
  clearTimeout(timer);
  if (!wanted) return;
  if (!document.hidden) {
    try { draw(await ask("GET", "/api/v1/sync/history")); } catch { /* the stream says that it is lost */ }
  }
  timer = setTimeout(look, EVERY_MS);
}

/** Runs of the same word: [[word, first index, index after the last]]. */
export function runsOf(words) {
  const runs = [];
  words.forEach((word, index) => {
    if (runs.length && runs.at(-1)[0] === word) runs.at(-1)[2] = index + 1;
    else runs.push([word, index, index + 1]);
  });
  return runs;
}

function draw(history) {
  const times = history.wall_ms;
  show(byId("uplink-none"), times.length < 2);
  say(byId("uplink-sum"), times.length < 2 ? "" : summary(history));
  byId("uplink-plot").replaceChildren(...(times.length < 2 ? [] : [figure(history)]));
}

function summary({ wall_ms: times, state }) {
  const step = (times.at(-1) - times[0]) / (times.length - 1);
  const minutes = (word) => Math.round(state.filter((one) => one === word).length * step / 60_000);
  const whole = Math.round((times.at(-1) - times[0]) / 60_000);
  const told = ["down", "denied"].map((word) => [word, minutes(word)]).filter(([, long]) => long > 0);
  return `last ${whole} min${told.length ? `: ${told.map(([word, long]) => `${long} min ${word}`).join(", ")}` : ", never down"}`;
}

function figure(history) {
  const times = history.wall_ms;
  const width = Math.max(300, Math.round(byId("uplink-plot").clientWidth) || 470);
  const end = times.at(-1);
  const start = Math.min(times[0], end - SPAN_LEAST_MS);
  const x = (ms) => EDGE.left + ((ms - start) / (end - start)) * (width - EDGE.left - EDGE.right);
  const bottom = PANELS.length * (PANEL + GAP) + STRIP;
  const svg = s("svg", { viewBox: `0 0 ${width} ${bottom + 22}`, role: "img", "aria-label": `Uplink, ${summary(history)}` });
  PANELS.forEach((panel, index) => svg.append(...curve(panel, panel.of(history), times, x, GAP - 6 + index * (PANEL + GAP), width)));
  svg.append(...strip(history, times, x, bottom - STRIP, end));
  const marks = width < 420 ? 2 : 4;
  for (let mark = 0; mark <= marks; mark += 1) {
    const ms = start + ((end - start) * mark) / marks;
    const anchor = mark === 0 ? "start" : mark === marks ? "end" : "middle";
    svg.append(s("text", { x: x(ms), y: bottom + 16, "text-anchor": anchor }, clockTime(ms * 1e6).slice(0, 5)));
  }
  return svg;
}

function curve({ name, unit }, values, times, x, top, width) {
  const known = values.filter((value) => value !== null);
  const floor = top + PANEL;
  const latest = known.length ? number(values.findLast((value) => value !== null)) : "–";
  const parts = [s("text", { class: "name", x: EDGE.left, y: top - 6 }, `${name}, ${unit}: `, s("tspan", {}, latest))];
  const high = Math.max(...known, 1e-3) * 1.05;
  const y = (value) => floor - (value / high) * PANEL;
  const { ticks, digits } = ticksOf(0, high, 2);
  for (const tick of ticks) {
    parts.push(s("line", { class: tick ? "grid" : "axis", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
      s("text", { x: EDGE.left - 7, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(digits)));
  }
  let line = "";
  let area = "";
  for (const [here, from, to] of runsOf(values.map((value) => value !== null))) {
    if (!here) continue;
    const run = values.slice(from, to).map((value, index) => `${x(times[from + index]).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
    line += `M${run}${to - from === 1 ? "h1" : ""}`;
    area += `M${run}L${x(times[to - 1]).toFixed(1)} ${floor}L${x(times[from]).toFixed(1)} ${floor}Z`;
  }
  return [...parts, s("path", { class: "area", d: area }), s("path", { class: "line", d: line })];
}

// State by colour and height: a healthy link is a thin grey line, trouble stands out.
function strip({ state, profile }, times, x, top, end) {
  return runsOf(state.map((word, index) => `${word}|${profile[index]}`)).map(([both, from, to]) => {
    const [word, row] = both.split("|");
    const until = to < times.length ? times[to] : end;
    const healthy = word === "up";
    return s("rect", { class: `state ${word}`, x: x(times[from]), width: Math.max(1, x(until) - x(times[from])), y: healthy ? top + STRIP / 2 - 2 : top, height: healthy ? 4 : STRIP },
      s("title", {}, `${WORDS[word] ?? word}${row ? `, profile ${row}` : ""}, ${clockTime(times[from] * 1e6)} to ${clockTime(until * 1e6)}`));
  });
}
