// Teaching a station: take parts, learn, choose by the false-stop rate, try, put in use.

import { byId, h, keyed, s, say, show } from "./dom.js";
import { count, number } from "./format.js";
import { followParts } from "./parts.js";
import { operate } from "./session.js";
import { ask } from "./talk.js";

const LOOK_MS = 700;
const BINS = 36;
const PHASES = {
  idle: "Nothing was taken yet.", collecting: "Taking parts: let the line run.",
  collected: "Parts are taken.", fitting: "Learning.", fitted: "Learnt: choose what shall count as doubtful.",
  trial: "On trial: it looks beside the bundle in use and decides nothing.",
};
const dialog = byId("teach");
let station = "";
let timer = 0;
let chosen = 0;
let took = 0;

const path = (step) => `/api/v1/inspections/${encodeURIComponent(station)}/commission${step}`;

/** Open the dialog for one station. */
export function teach(id, label) {
  station = id;
  say(byId("teach-title"), `Teach ${label}`);
  ask_(false);
  if (!dialog.open) dialog.showModal();
  look();
}

dialog.addEventListener("close", () => clearTimeout(timer));

// The camera's picture: the next one is asked for when this one is there.
const live = byId("teach-live");
live.addEventListener("load", () => { live.dataset.of = station; show(live, true); });
live.addEventListener("error", () => show(live, false));

function film(comes) {
  if (!comes || live.dataset.of !== station) show(live, false);
  if (!comes || document.hidden || (live.src && !live.complete)) return;
  live.src = `/api/v1/inspections/${encodeURIComponent(station)}/live?at=${Date.now()}`;
}

async function look() {
  clearTimeout(timer);
  try {
    paint(await ask("GET", path("")));
  } catch (problem) {
    say(byId("teach-problem"), problem.message);
  }
  if (dialog.open) timer = setTimeout(look, LOOK_MS);
}

function step(button, name, body) {
  return operate("A station is taught by the operator.", button, async () => {
    paint(await ask("POST", path(name), body ? body() : undefined));
  });
}

const value = (id) => byId(id).value.trim();
for (const [id, name, body] of [
  ["teach-good", "/collect", () => ({ what: "good", wanted: Number(value("teach-good-number")) })],
  ["teach-defect", "/collect", () => ({ what: "defect", wanted: Number(value("teach-defect-number")), label: value("teach-defect-label") })],
  ["teach-pause", "/pause"], ["teach-fit", "/fit"],
  ["teach-save", "/save", () => ({ rate: Number(chosen || 0.01) })],
  ["teach-confirm", "/confirm"], ["teach-back", "/roll_back"], ["teach-sure-yes", "/drop"],
]) byId(id).addEventListener("click", (event) => step(event.currentTarget, name, body));

// A shift's parts are not forgotten by one slip.
function ask_(sure) {
  show(byId("teach-sure"), sure);
  show(byId("teach-drop"), !sure);
}
byId("teach-drop").addEventListener("click", () => { ask_(true); byId("teach-sure-no").focus(); });
byId("teach-sure-no").addEventListener("click", () => { ask_(false); byId("teach-drop").focus(); });
byId("teach-sure-yes").addEventListener("click", () => ask_(false));

function paint(view) {
  say(byId("teach-phase"), PHASES[view.phase] ?? view.phase);
  say(byId("teach-problem"), view.problem);
  followParts(path(""), view, paint);
  const defects = Object.entries(view.defects).map(([label, times]) => `${count(times)} ${label}`).join(", ");
  const over = view.passed_over ? `; ${count(view.passed_over)} passed over, for nothing had moved` : "";
  say(byId("teach-taken"), `${count(view.good)} good parts${defects ? `, defects: ${defects}` : ""}${over}`);
  const busy = view.phase === "collecting" || view.phase === "fitting";
  const bar = byId("teach-progress");
  show(bar, busy);
  if (view.phase !== "collecting") took = 0;
  took = Math.max(took, view.wanted);
  bar.value = view.phase === "fitting" ? view.progress : 1 - view.wanted / Math.max(1, took);
  say(byId("teach-camera"), view.no_picture);
  film(!view.no_picture);
  keyed(byId("teach-remarks"), view.remarks, (text) => text, (text) => ({ node: h("li", {}, text), update: () => {} }));
  say(byId("teach-doing"), view.phase === "collecting" ? `${count(view.wanted)} ${view.label || "good"} parts to come` : view.doing);
  show(byId("teach-pause"), busy);
  for (const id of ["teach-good", "teach-defect", "teach-drop"]) byId(id).disabled = view.phase === "fitting";
  const nothing = view.good === 0 && defects === "";
  if (nothing) show(byId("teach-sure"), false);
  show(byId("teach-drop"), !nothing && byId("teach-sure").hidden);
  byId("teach-fit").disabled = busy || view.good === 0;
  const learnt = view.good_scores.length > 0;
  show(byId("teach-choose"), learnt);
  if (learnt) paintChoices(view);
  show(byId("teach-trial"), view.phase === "trial");
  const { seen, warnings, criticals, failed } = view.trial;
  say(byId("teach-counts"), `${view.candidate}: ${count(seen)} looked at, ${count(warnings)} doubtful, ${count(criticals)} critical${failed ? `, ${count(failed)} not judged` : ""}`);
  say(byId("teach-use"), view.in_use ? `In use: ${view.in_use}` : "No bundle of this station is in use.");
  show(byId("teach-back"), Boolean(view.before));
  say(byId("teach-back"), `Back to ${view.before}`);
}

function paintChoices(view) {
  if (!view.choices.some((one) => one.rate === chosen)) chosen = view.choices.find((one) => one.rate === 0.01)?.rate ?? view.choices[0].rate;
  keyed(byId("teach-rates"), view.choices, (one) => one.rate, (first) => {
    const input = h("input", { type: "radio", name: "rate", value: first.rate });
    const what = h("span");
    input.addEventListener("change", () => { chosen = first.rate; paintChoices(view); });
    const update = (one) => {
      input.checked = one.rate === chosen;
      const caught = one.caught.of ? `, ${one.caught.count} of ${one.caught.of} defects caught` : "";
      const proof = one.proven ? "" : " – so few parts cannot prove it";
      say(what, `1 in ${Math.round(1 / one.rate)}, from rarity ${number(one.threshold)}: ${one.false_stops.count} of ${one.false_stops.of} good parts would be doubtful (at most ${(100 * one.false_stops.high).toPrecision(2)} %)${caught}${proof}`);
    };
    return { node: h("label", { class: "rate" }, input, what), update };
  });
  drawHistogram(view, view.choices.find((one) => one.rate === chosen)?.threshold ?? 0);
}

// Good parts upwards, defects downwards, the threshold between them. Drawn as wide as there is room,
// so that its words stay readable on a phone.
function drawHistogram(view, threshold) {
  const width = Math.max(240, Math.min(640, byId("teach-histogram").clientWidth || 640));
  const middle = 110;
  const foot = view.defect_scores.length ? middle + 58 : middle + 6;
  const end = Math.max(threshold * 1.2, ...view.good_scores, ...view.defect_scores, 1);
  const bins = (scores) => {
    const counts = new Array(BINS).fill(0);
    for (const score of scores) counts[Math.min(BINS - 1, Math.floor((score / end) * BINS))] += 1;
    return counts;
  };
  const good = bins(view.good_scores);
  const bad = bins(view.defect_scores);
  const top = Math.max(1, ...good);
  const deep = Math.max(1, ...bad);
  const each = width / BINS;
  const x = (score) => ((score / end) * width).toFixed(1);
  const drawing = s("svg", { viewBox: `0 0 ${width} ${foot + 40}`, role: "img", "aria-label": `Scores of ${view.good_scores.length} good parts and ${view.defect_scores.length} defects; the threshold is ${number(threshold)}` },
    ...good.map((times, place) => s("rect", { class: "good", x: (place * each).toFixed(1), width: (each - 1.5).toFixed(1), y: (middle - (times / top) * 96).toFixed(1), height: ((times / top) * 96).toFixed(1) })),
    ...bad.map((times, place) => s("rect", { class: "bad", x: (place * each).toFixed(1), width: (each - 1.5).toFixed(1), y: middle + 2, height: ((times / deep) * 50).toFixed(1) })),
    s("line", { class: "axis", x1: 0, x2: width, y1: middle + 1, y2: middle + 1 }),
    s("line", { class: "limit", x1: x(threshold), x2: x(threshold), y1: 6, y2: foot }),
    s("text", { x: x(threshold), y: foot + 14, "text-anchor": threshold > end / 2 ? "end" : "start" }, `doubtful from ${number(threshold)}`),
    s("text", { x: 0, y: foot + 34 }, view.defect_scores.length ? "▲ good parts  ▼ defects" : "▲ good parts"),
    s("text", { x: width, y: foot + 34, "text-anchor": "end" }, "rarer →"));
  byId("teach-histogram").replaceChildren(drawing);
}
