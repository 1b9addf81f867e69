// Visual quality control: stations, the pictures behind decisions, and what people say of them.

import { byId, h, keyed, say, show } from "./dom.js";
import { count, number, when, words } from "./format.js";
import { drawHeat } from "./heat.js";
import { operate, toast } from "./session.js";
import { ask } from "./talk.js";
import { teach } from "./teach.js";

const EVERY_MS = 4000;
const SHOWN = 12;
const SHOWN_MOST = 192;
const VERDICTS = { pass: "passed", warning: "doubtful", critical: "critical", unknown: "not judged" };
const CHIPS = { warning: "chip odd", critical: "chip bad", unknown: "chip bad", pass: "chip" };
let timer = 0;
let known = false;
let shown = SHOWN;

/** Begin to look, and look again while the page is live. */
export function watchQuality() {
  clearTimeout(timer);
  look().catch(() => {}).finally(() => { timer = setTimeout(watchQuality, known ? EVERY_MS : 4 * EVERY_MS); });
}

async function look() {
  if (document.hidden) return;
  const { inspections, rates } = await ask("GET", "/api/v1/inspections");
  known = inspections.length > 0;
  show(byId("quality"), known);
  if (!known) return;
  showStations(inspections, new Map(rates.map((one) => [one.station, one])));
  say(byId("quality-sum"), sumWords(inspections));
  const which = byId("quality-which").value;
  const { exhibits } = await ask("GET", `/api/v1/exhibits?limit=${shown}&${which}`);
  say(byId("exhibits-none"), which ? "No picture waits for a person." : "No picture is kept yet.");
  show(byId("exhibits-more"), exhibits.length === shown && shown < SHOWN_MOST);
  showExhibits(exhibits, new Map(inspections.map((one) => [one.id, one])));
}

byId("quality-which").addEventListener("change", () => { shown = SHOWN; watchQuality(); });
byId("exhibits-more").addEventListener("click", () => { shown = Math.min(SHOWN_MOST, shown + SHOWN); watchQuality(); });
byId("quality-heat").addEventListener("change", (event) => {
  byId("exhibits").classList.toggle("cold", !event.target.checked);
});

// "3 for review · 2 passes to check · 40 more than the list shows".
function sumWords(inspections) {
  const sum = (field) => inspections.reduce((total, one) => total + one[field], 0);
  const [unsure, passes, hidden] = ["review_waiting", "passes_waiting", "review_hidden"].map(sum);
  if (!unsure && !passes) return "nothing waits for a person";
  return [
    unsure ? `${count(unsure)} for review` : "",
    passes ? `${count(passes)} ${passes === 1 ? "pass" : "passes"} to check` : "",
    hidden ? `${count(hidden)} not shown any more` : "",
  ].filter(Boolean).join(" · ");
}

function showStations(inspections, rates) {
  const stations = inspections.map((one) => [one, rates.get(one.id)]);
  keyed(byId("stations"), stations, ([one]) => one.id, ([first]) => {
    const name = h("span", { class: "name" });
    const value = h("span", { class: "value" });
    const notes = h("ul", { class: "note" });
    const button = h("button", { class: "plain small", type: "button" }, "Teach");
    button.addEventListener("click", () => teach(first.id, first.label));
    const update = ([one, rate]) => {
      say(name, one.label);
      say(value, one.bundle || "✕ no bundle");
      value.className = one.bundle ? "value" : "value bad";
      const lines = one.bundle ? stationWords(one, rate) : [one.why_none];
      keyed(notes, lines.map((text, place) => [place, text]), ([place]) => place, () => {
        const node = h("li");
        return { node, update: ([, text]) => say(node, text) };
      });
    };
    return { node: h("li", { "data-station": first.id }, name, value, notes, button), update };
  });
}

// What it sees, how fast and by what, how often it is wrong, what is kept: a line each.
function stationWords(one, rate) {
  const of = (times, what) => `${count(times)} ${what} (${percent(times / one.inspected)} %)`;
  const seen = [`${count(one.inspected)} inspected by ${one.camera}`];
  if (one.inspected) seen.push(of(one.warnings, "doubtful"), of(one.criticals, "critical"));
  if (one.failed) seen.push(`${count(one.failed)} could not be judged`);
  if (one.missed) seen.push(`${count(one.missed)} ${one.missed === 1 ? "part" : "parts"} missed`);
  const run = [];
  if (one.backend) run.push(`on ${one.backend}${one.backend_why ? `, not on ${one.backend_why}` : ""}`);
  if (one.inspect_p50_ms) run.push(`${number(one.inspect_p50_ms)} ms each, slowest of a hundred ${number(one.inspect_p99_ms)} ms`);
  if (one.frames_skipped) run.push(`${count(one.frames_skipped)} frames passed over`);
  if (one.handed_late) run.push(`${count(one.handed_late)} verdicts came too late`);
  const belt = [];
  if (one.reject_waiting) belt.push(`${count(one.reject_waiting)} on their way to the reject`);
  if (one.reject_passed) belt.push(`${count(one.reject_passed)} left at the reject`);
  if (one.reject_lost) belt.push(`${count(one.reject_lost)} cannot be rejected: they were lost on their way`);
  const kept = [];
  if (one.pictures) kept.push(`${count(one.pictures)} pictures kept, ${number(one.pictures_mb)} MB${one.pictures_dropped ? `, ${count(one.pictures_dropped)} let go` : ""}`);
  if (one.examples) kept.push(`${count(one.examples)} examples`);
  const rates = rate ? rateWords(rate, one) : [];
  return [...[seen, run, belt].map((line) => line.join(" · ")), ...rates, kept.join(" · ")].filter(Boolean);
}

function rateWords(rate, one) {
  const escapes = rate.escapes.of || one.passes_drawn || one.passes_waiting
    ? wrongWords("Escapes", rate.escapes, "passes drawn by chance", "defects") : "";
  return [
    wrongWords("False stops", rate.false_stops, "critical parts", "good"),
    wrongWords("False doubts", rate.false_doubts, "doubtful parts", "good"),
    escapes,
    rate.unsure_escapes.of ? wrongWords("Unsure passes", rate.unsure_escapes, "passes it was unsure of", "defects") : "",
  ].filter(Boolean);
}

/** "False stops: 2 of the 61 critical parts looked at were good (0.9 to 11 %)". */
export function wrongWords(what, share, which, were) {
  if (!share.of) return what === "Escapes" ? "Escapes: not known yet, as nobody has looked at a pass drawn by chance" : "";
  return `${what}: ${share.count} of the ${count(share.of)} ${which} looked at ${share.count === 1 ? "was" : "were"} ${share.count === 1 ? were.replace("defects", "a defect") : were} (${percent(share.low)} to ${percent(share.high)} %)`;
}

const percent = (value) => `${Number((100 * value).toPrecision(2))}`;

function showExhibits(exhibits, stations) {
  show(byId("exhibits-none"), exhibits.length === 0);
  keyed(byId("exhibits"), exhibits, (one) => one.id, (first) => exhibit(first, stations.get(first.station)));
}

function exhibit(first, station) {
  const source = `/api/v1/exhibits/${encodeURIComponent(first.id)}/picture`;
  const picture = h("img", { src: source, loading: "lazy",
    width: first.width, height: first.height, alt: `Picture of the part, ${VERDICTS[first.severity]}` });
  const canvas = h("canvas", { "aria-hidden": "true" });
  if (first.heat && first.region) drawHeat(canvas, first);
  const verdict = h("span", { class: CHIPS[first.severity] }, VERDICTS[first.severity]);
  const answer = h("p", { class: "answer", role: "status" });
  const good = h("button", { class: "plain small", type: "button" }, "Good part");
  const bad = h("button", { class: "plain small", type: "button" }, "Defect");
  const label = h("input", { placeholder: "class of the defect", maxlength: 32, value: first.label, "aria-label": "Class of the defect" });
  const buttons = h("div", { class: "verdict" }, good, bad, label);
  const say_ = (what, button) => operate("A review is answered by the operator.", button, async () => {
    const one = await ask("POST", `/api/v1/exhibits/${encodeURIComponent(first.id)}/answer`,
      { answer: what, label: what === "defect" ? label.value.trim() : "" });
    update(one);
    toast(`Kept as an example of a ${what === "good" ? "good part" : "defect"}.`);
  });
  good.addEventListener("click", () => say_("good", good));
  bad.addEventListener("click", () => say_("defect", bad));
  const update = (one) => {
    const said = one.answer === "good" ? "a good part" : `a defect${one.answer_label ? `: ${one.answer_label}` : ""}`;
    say(answer, one.answer ? `${one.answered_by || "a person"}: ${said}` : "");
    show(answer, Boolean(one.answer));
    buttons.classList.toggle("done", Boolean(one.answer));
  };
  const node = h("li", { "data-exhibit": first.id },
    h("div", { class: "shot" }, h("a", { href: source, target: "_blank", rel: "noopener", title: "The picture in full size" }, picture), canvas),
    h("div", { class: "told" },
      h("p", { class: "line" }, verdict, h("span", { class: "quiet" }, `${station?.label ?? first.station}, ${when(first.wall_ns)}`)),
      scale(first),
      h("p", { class: "quiet why" }, first.drawn ? "Drawn by chance from what passed: is it really good?" : `${first.action === "none" ? "No action" : words(first.action)}: ${first.reason}`),
      answer, buttons));
  return { node, update };
}

// Where the part lies between good, doubtful and critical.
function scale(one) {
  if (one.score === null || one.score === undefined || !one.critical) return null;
  const end = Math.max(one.critical * 1.35, one.score * 1.05);
  const at = (value) => `${Math.min(100, (100 * value) / end)}%`;
  const mark = h("i", { class: "mark" });
  const doubtful = h("i", { class: "from warning" });
  const critical = h("i", { class: "from critical" });
  mark.style.left = at(one.score);
  doubtful.style.left = at(one.warning);
  critical.style.left = at(one.critical);
  const named = one.label ? `, ${one.label} ${Math.round(100 * one.sure_of_label)} %` : "";
  return h("div", { class: "scale" }, h("div", { class: "bar", role: "img", "aria-label": `rarity ${number(one.score)}, doubtful from ${number(one.warning)}, critical from ${number(one.critical)}` }, doubtful, critical, mark),
    h("span", { class: "quiet num" }, `rarity ${number(one.score)}${named}`));
}
