// Trips, outputs and permissives: what holds the machine, and what a person can do.

import { byId, h, keyed, s, say, show } from "./dom.js";
import { words } from "./format.js";

const OCTAGON = "M13 3h14l10 10v14l-10 10H13L3 27V13z";
const DIAMOND = "M20 2.5 37.5 20 20 37.5 2.5 20z";
const TICK = "M12.5 20.5l5 5 10-11";
const BAR = "M12 20h16";
const SUPERVISION = { guard: "guard lease", watchdog_register: "PLC watchdog", none: "unsupervised" };
const titleOf = (trip) => trip.label || words(trip.name);

/** Show every trip, latched ones first; `reset(name)` is called by its button. */
export function showTrips(trips, reset) {
  const ordered = [...trips].sort((a, b) => b.latched - a.latched);
  const latched = trips.filter((trip) => trip.latched);
  say(byId("safety-sum"), latched.length ? `${latched.length} latched` : trips.length ? "nothing latched" : "no trips configured");
  keyed(byId("trips"), ordered, (trip) => trip.name, (trip) => tripCard(trip, reset));
}

function tripCard(first, reset) {
  const shape = first.kind === "estop" ? OCTAGON : DIAMOND;
  const sign = s("path", { class: "sign" });
  const title = h("h4");
  const state = h("p", { class: "state" });
  const cause = h("p", { class: "cause" });
  const holds = h("p", { class: "todo" });
  const todo = h("p", { class: "todo" });
  const button = h("button", { type: "button", class: "main" }, "Reset");
  button.addEventListener("click", () => reset(first.name, button));
  const more = h("div", { class: "more" }, cause, holds, todo, button);
  const icon = s("svg", { viewBox: "0 0 40 40", "aria-hidden": "true" }, s("path", { class: "shape", d: shape }), sign);
  const node = h("article", { "data-trip": first.name }, icon, title, state, more);
  const update = (trip) => {
    node.className = trip.latched ? "trip latched" : "trip";
    sign.setAttribute("d", trip.latched ? BAR : TICK);
    say(title, titleOf(trip));
    say(state, trip.latched ? "TRIPPED, LATCHED" : trip.causes.length ? `held off: ${trip.causes[0]}` : "clear");
    show(more, trip.latched);
    const others = trip.causes.filter((one) => one !== trip.cause);
    const still = trip.causes.includes(trip.cause) ? ", still there" : "";
    say(cause, trip.cause ? `Tripped by: ${trip.cause}${still}` : "Tripped");
    show(holds, others.length > 0);
    say(holds, `Also there: ${others.join("; ")}`);
    say(todo, todoOf(trip));
    show(button, trip.kind !== "estop");
    button.disabled = trip.causes.length > 0;
    button.setAttribute("aria-label", `Reset ${titleOf(trip)}`);
  };
  return { node, update };
}

/** What a person must do so that the trip can be released. */
export function todoOf(trip) {
  // "page" and "guard" are ways, a dotted name is an input that a person can be sent to.
  const input = trip.reset_by.includes(".") ? trip.reset_by : "";
  if (trip.kind === "estop") {
    const by = input ? ` (${input})` : "";
    return `To reset: make the machine safe, release the e-stop, then press and let go the reset input at the machine${by}. It cannot be reset from here.`;
  }
  if (trip.causes.length) return "To reset: clear what is still there first.";
  const other = input ? `, or use ${input}` : "";
  return `Every cause is clear. Reset it here${other}. A reset releases the latch; it restarts nothing.`;
}

/** Say a change of trips aloud, once. */
export function announceTrips(before, after) {
  const was = new Map(before.map((trip) => [trip.name, trip.latched]));
  const news = after.filter((trip) => was.has(trip.name) && was.get(trip.name) !== trip.latched)
    .map((trip) => (trip.latched ? `${titleOf(trip)} has tripped: ${trip.cause}` : `${titleOf(trip)} has been reset`));
  if (news.length) say(byId("spoken"), `${news.join(". ")}.`);
}

/** Show each output: what was confirmed, who supervises it, what forces it safe. */
export function showOutputs(outputs, trips) {
  const names = new Map(trips.map((trip) => [trip.name, titleOf(trip)]));
  keyed(byId("outputs"), outputs, (output) => output.id, (output) => {
    const name = h("span", { class: "name" });
    const value = h("span", { class: "value" });
    const chip = h("span", { class: "chip" });
    const text = h("span");
    const node = h("li", { "data-output": output.id }, name, value, h("span", { class: "note" }, chip, " ", text));
    const update = (now) => {
      say(name, now.label || now.id);
      say(value, valueOf(now.value));
      say(chip, SUPERVISION[now.supervision] ?? now.supervision);
      chip.className = now.supervision === "none" ? "chip odd" : "chip";
      const forced = now.forced_by ? `held safe: ${names.get(now.forced_by) ?? now.forced_by}` : "";
      const plain = now.run_permit ? "carries a run permit" : "";
      say(text, now.error || forced || plain);
      text.className = now.error ? "bad" : forced ? "odd" : "";
    };
    return { node, update };
  });
}

const valueOf = (value) => (value === null ? "unknown" : value === true ? "on" : value === false ? "off" : String(value));

/** Show each permissive with its output. */
export function showPermissives(permissives, outputs) {
  const labels = new Map(outputs.map((output) => [output.id, output.label || output.id]));
  keyed(byId("permissives"), permissives, (one) => `${one.output} ${one.reason}`, () => {
    const name = h("span", { class: "name" });
    const value = h("span");
    const note = h("span", { class: "note" });
    const update = (one) => {
      say(name, labels.get(one.output) ?? one.output);
      say(value, one.satisfied ? "✓ permitted" : "✕ held safe");
      value.className = one.satisfied ? "value" : "value odd";
      // The reason is worded for when it holds the output back.
      say(note, one.satisfied ? `is held safe when ${one.reason}` : one.reason);
    };
    return { node: h("li", {}, name, value, note), update };
  });
}
