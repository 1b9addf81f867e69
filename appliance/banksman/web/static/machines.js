// Machines: how each is, in words; behind it what that rests on, and what a person says of it.

import { byId, h, keyed, say, show } from "./dom.js";
import { count, number, when, words } from "./format.js";
import { spectrumFigure, trendFigure } from "./machine_plots.js";
import { operate, toast } from "./session.js";
import { ask } from "./talk.js";

const EVERY_MS = 3000;
const VERDICTS = { unknown: "not known yet", normal: "as normal", warning: "look at it", alarm: "act now" };
const CHIPS = { unknown: "chip", normal: "chip", warning: "chip odd", alarm: "chip bad" };
const SAID = {
  renew: { asked: "A new normal", done: "as it is from now on, it is well. It learns that anew." },
  replaced: { asked: "That a part is new", done: "its hours begin anew. It learns its normal anew." },
  failed: { asked: "That it failed", done: "its life is known now, and it is new. It learns its normal anew." },
};
let timer = 0;
let known = false;
let opened = null; // id of the machine whose dialog is open
let trends = [];

/** Begin to look, and look again while the page is live. */
export function watchMachines() {
  clearTimeout(timer);
  look().catch(() => {}).finally(() => { timer = setTimeout(watchMachines, known ? EVERY_MS : 4 * EVERY_MS); });
}

async function look() {
  if (document.hidden) return;
  const { machines } = await ask("GET", "/api/v1/machines");
  known = machines.length > 0;
  show(byId("machines"), known);
  const odd = machines.filter((one) => one.verdict === "warning" || one.verdict === "alarm").length;
  say(byId("machines-sum"), odd ? `${odd} of ${machines.length} left its normal` : "choose one for what it rests on");
  keyed(byId("machine-list"), machines, (one) => one.id, card);
  if (opened) await refresh();
}

/** "3.1 h left, 80 %: 2.8 h to 3.5 h". */
export function hoursWords(one) {
  if (one.hours === null) return "";
  const hours = (value) => (value >= 100 ? `${number(value / 24)} days` : value >= 1 ? `${number(value)} h` : `${Math.round(60 * value)} min`);
  if (one.hours === 0) return "its limit is reached";
  const latest = one.hours_high === null ? "never" : hours(one.hours_high);
  return `${hours(one.hours)} left, 80 %: ${hours(one.hours_low)} to ${latest}`;
}

// "Has run 312 h since new; its vibration grew by 12 % for good; 3 runs to failure are known."
function lifeWords(one, vibrates) {
  const parts = [`Has run ${number(one.hours_run)} h since new`];
  if (vibrates) parts.push(`its vibration grew by ${Math.round(100 * one.growth)} % for good`, `${one.runs === 1 ? "1 run" : `${one.runs} runs`} to failure of its kind known`);
  return `${parts.join("; ")}.`;
}

function card(first) {
  const name = h("span", { class: "name" });
  const verdict = h("span");
  const what = h("span", { class: "what" });
  const left = h("span", { class: "left" });
  const chips = h("span", { class: "chips" });
  const bar = h("i");
  const learned = h("span", { class: "learned", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": "Learned" }, bar);
  const node = h("button", { type: "button", class: "machine", "data-machine": first.id },
    h("span", { class: "top" }, name, verdict), what, chips, left, learned);
  node.addEventListener("click", () => open(first.id));
  const update = (one) => {
    node.dataset.verdict = one.verdict;
    node.classList.toggle("blind", one.blind);
    say(name, one.label);
    say(verdict, one.verdict === "unknown" && one.learned < 1 ? "learning" : VERDICTS[one.verdict]);
    verdict.className = CHIPS[one.verdict] ?? "chip";
    say(what, one.blind ? one.condition || one.what : one.what);
    say(left, [one.state ? `${words(one.state)}` : "", hoursWords(one)].filter(Boolean).join(" · "));
    chips.replaceChildren(...chipsOf(one));
    show(learned, one.learned < 1);
    bar.style.width = `${100 * one.learned}%`;
    learned.setAttribute("aria-valuenow", Math.round(100 * one.learned));
  };
  return { node: h("li", {}, node), update };
}

function chipsOf(one) {
  const chips = [];
  if (one.fault_certainty === "named" || one.fault_certainty === "suspected") chips.push(h("span", { class: "chip odd" }, one.fault));
  else if (one.fault && one.fault_certainty === "unknown") chips.push(h("span", { class: "chip" }, one.fault));
  if (one.zone !== "unknown") chips.push(h("span", { class: one.zone === "D" ? "chip bad" : one.zone === "C" ? "chip odd" : "chip" }, `zone ${one.zone}`));
  return chips;
}

async function open(id) {
  opened = id;
  trends = [];
  for (const part of ["machine-sensors", "machine-trend", "machine-rows"]) byId(part).replaceChildren();
  say(byId("machine-title"), id);
  say(byId("machine-sum"), "");
  say(byId("machine-problem"), "");
  byId("machine").showModal();
  await refresh();
}

byId("machine").addEventListener("close", () => { opened = null; });
byId("machine-row").addEventListener("change", drawTrend);
for (const button of byId("machine").querySelectorAll("[data-word]")) {
  button.addEventListener("click", () => {
    const id = opened;
    const { word } = button.dataset;
    operate(`${SAID[word].asked} is the operator's word.`, button, async () => {
      const one = await ask("POST", `/api/v1/machines/${encodeURIComponent(id)}/${word}`);
      toast(`${one.label}: ${SAID[word].done}`);
      await refresh();
    });
  });
}

async function refresh() {
  const id = opened;
  try {
    const machine = await ask("GET", `/api/v1/machines/${encodeURIComponent(id)}`);
    if (opened === id) paint(machine);
  } catch (problem) {
    say(byId("machine-problem"), problem.message);
  }
}

function paint({ brief, sensors, rows, trends: newest }) {
  say(byId("machine-problem"), "");
  say(byId("machine-title"), brief.label);
  say(byId("machine-sum"), `${VERDICTS[brief.verdict]}: ${brief.what}${brief.wall_ns ? ` (window of ${when(brief.wall_ns)})` : ""}`);
  say(byId("machine-change"), brief.change ? `Just now: ${brief.change}` : "");
  show(byId("machine-change"), Boolean(brief.change));
  say(byId("machine-left"), hoursWords(brief) || "Hours left not known");
  say(byId("machine-hours"), brief.hours_reason);
  say(byId("machine-life"), lifeWords(brief, sensors.length > 0));
  const lost = [[brief.bursts_dropped, "came too fast to be heard"], [brief.bursts_skipped, "could not be judged"]]
    .filter(([times]) => times > 0).map(([times, why]) => `${count(times)} bursts ${why}`);
  say(byId("machine-lost"), lost.join(", "));
  show(byId("machine-lost"), lost.length > 0);
  byId("machine-sensors").replaceChildren(...sensors.map(sensorPart));
  trends = newest;
  const select = byId("machine-row");
  const chosen = trends.some((trend) => trend.name === select.value) ? select.value : trends[0]?.name;
  if ([...select.options].map((option) => option.value).join() !== trends.map((trend) => trend.name).join()) {
    select.replaceChildren(...trends.map((trend) => h("option", { value: trend.name }, trend.name)));
  }
  if (chosen) select.value = chosen;
  show(byId("machine-trends"), trends.length > 0);
  drawTrend();
  byId("machine-rows").replaceChildren(...rows.map((row) => h("tr", {}, h("td", {}, row.name),
    h("td", { class: row.verdict }, VERDICTS[row.verdict]),
    h("td", { class: "right" }, row.version),
    h("td", { class: "right" }, row.sigmas === null ? "–" : `${row.sigmas > 0 ? "+" : ""}${row.sigmas.toFixed(1)}`))));
}

function drawTrend() {
  const trend = trends.find((one) => one.name === byId("machine-row").value) ?? trends[0];
  byId("machine-trend").replaceChildren(...(trend ? [trendFigure(trend)] : []));
}

function sensorPart(sensor) {
  const { finding, severity } = sensor;
  const sure = finding.certainty === "named" || finding.certainty === "suspected" ? `, ${finding.confidence > 0.99 ? "over 99" : Math.round(100 * finding.confidence)} % sure` : "";
  const speed = sensor.shaft_hz === null ? `shaft speed ${sensor.speed_told}` : `shaft at ${number(sensor.shaft_hz * 60, true)} 1/min ${sensor.speed_told}`;
  const plots = h("div", { class: "plots" });
  if (sensor.envelope) {
    plots.append(spectrumFigure(`How it pulsates from ${number(sensor.envelope.low_hz, true)} to ${number(sensor.envelope.high_hz, true)} Hz, times its noise`,
      sensor.envelope.spectrum, "x", finding.peaks));
  }
  plots.append(spectrumFigure("Spectrum", sensor.spectrum, sensor.unit));
  return h("div", { class: "part", "data-vibration": sensor.sensor },
    h("h3", {}, `${sensor.sensor}, ${speed}`),
    h("p", { class: "found" }, h("b", {}, `${words(sensor.words)}${sure}`), `: ${finding.reason}`),
    h("p", { class: "found" }, h("b", {}, severity.zone === "unknown" ? "ISO 20816-3 zone not known" : `ISO 20816-3 zone ${severity.zone}`), `: ${severity.reason}`),
    ...sensor.flaws.map((flaw) => h("p", { class: "found" }, h("b", {}, `Samples ${flaw.kind}`), `: ${flaw.reason}`)),
    plots);
}
