// The page: one state, merged from the stream, shown by section. See views.py for the document.

import { showAlarms } from "./alarms.js";
import { byId, say, show } from "./dom.js";
import { clockTime, words } from "./format.js";
import { addDecision, loadDecisions, showAbout, showDevices, showReaction, showRecords } from "./records.js";
import { announceTrips, showOutputs, showPermissives, showTrips } from "./safety.js";
import { loadHistories, note, remember, showSensors } from "./sensors.js";
import { watchLink } from "./link.js";
import { watchMachines } from "./machines.js";
import { watchQuality } from "./quality.js";
import { know, logIn, operate, operatorButton, toast } from "./session.js";
import { ask, listen } from "./talk.js";

const MODES = { armed: "writes outputs", observe: "decides, writes nothing" };
let state = null;

function merge(changes) {
  const before = state;
  const sensors = changes.sensors;
  state = { ...state, ...changes };
  if (before && sensors) {
    const known = new Map(sensors.map((sensor) => [sensor.id, sensor]));
    state.sensors = before.sensors.map((sensor) => known.get(sensor.id) ?? sensor);
    const old = new Set(before.sensors.map((sensor) => sensor.id));
    state.sensors.push(...sensors.filter((sensor) => !old.has(sensor.id)));
  }
  if (before && changes.trips) announceTrips(before.trips, changes.trips);
  if (sensors) {
    remember(sensors, state.wall_ns);
    note(sensors);
  }
  paint(changes);
}

/** Machines have a section of their own, which says the same in words. */
function tiled({ sensors, devices }) {
  const machines = devices.filter((device) => device.driver === "machine").map((device) => `${device.id}.`);
  return sensors.filter((sensor) => !machines.some((machine) => sensor.id.startsWith(machine)));
}

function paint(changes) {
  const has = (...names) => names.some((name) => name in changes);
  paintHeader();
  if (has("trips")) showTrips(state.trips, reset);
  if (has("outputs", "trips")) showOutputs(state.outputs, state.trips);
  if (has("permissives", "outputs")) showPermissives(state.permissives, state.outputs);
  if (has("alarms")) showAlarms(state.alarms, acknowledge, shelve);
  if (has("sensors", "devices")) showSensors(tiled(state));
  if (has("histograms", "late_culprit")) showReaction(state.histograms, state.late_culprit);
  if (has("devices")) showDevices(state.devices);
  if (has("store", "link", "sync", "identity")) showRecords(state.store, state.link, state.sync, state.identity);
  if (has("sync")) watchLink(state.sync.state);
  if (has("versions", "counters", "web", "boot_id")) showAbout(state);
}

function paintHeader() {
  say(byId("node"), state.node);
  say(byId("site"), state.site);
  const tripped = state.trips.filter((trip) => trip.latched).length;
  document.title = `${tripped ? `${tripped} tripped – ` : ""}${state.node} – Banksman`;
  show(byId("tripped"), tripped > 0);
  say(byId("tripped"), tripped === 1 ? "1 trip latched" : `${tripped} trips latched`);
  const mode = byId("mode");
  mode.dataset.mode = state.mode;
  say(mode.querySelector("b"), state.mode.toUpperCase());
  say(mode.querySelector("span"), MODES[state.mode] ?? "");
  show(mode, true);
  say(byId("clock"), clockTime(state.wall_ns));
  say(byId("clock-quality"), state.clock_quality);
  byId("clock-quality").className = state.clock_quality === "synchronised" ? "" : "warned";
  show(byId("silent"), state.loop_silent);
  say(byId("silent"), state.loop_silent ? "The control loop is silent: values are old, and the guard holds the outputs." : "");
  const reasons = state.readiness.ready ? "" : state.readiness.reasons.join("; ") || "no reason given";
  show(byId("unready"), Boolean(reasons));
  say(byId("unready"), reasons && `Not ready: ${reasons}`);
}

function reset(name, button) {
  operate("A reset is made by the operator.", button, async () => {
    await ask("POST", `/api/v1/trips/${encodeURIComponent(name)}/reset`);
    toast(`${words(name)} was reset. Nothing was restarted.`);
  });
}

function acknowledge(key, button) {
  operate("An alarm is acknowledged by the operator.", button,
    () => ask("POST", `/api/v1/alarms/${encodeURIComponent(key)}/acknowledge`));
}

function shelve(key, minutes, button) {
  operate("An alarm is shelved by the operator.", button,
    () => ask("POST", `/api/v1/alarms/${encodeURIComponent(key)}/shelve`, { minutes }));
}

const connect = listen({
  session: know,
  snapshot: (document_) => {
    state = null;
    merge(document_);
    loadHistories(document_.sensors.map((sensor) => sensor.id)).then(() => showSensors(tiled(state)));
    loadDecisions().catch(() => {});
    watchMachines();
    watchQuality();
  },
  delta: (changes) => state && merge(changes),
  trips: (changes) => state && merge(changes),
  alarms: (changes) => state && merge(changes),
  decision: addDecision,
  locked: async () => {
    if (await logIn("This page is served beyond the box itself, so reading needs a login too.")) connect();
  },
  state: (name, heard) => {
    document.body.dataset.stream = name;
    say(byId("stream").querySelector("span"), name === "live" ? "live" : name);
    show(byId("lost"), name === "lost");
    say(byId("lost"), name === "lost" ? `${heard ? `No live data since ${new Date(heard).toLocaleTimeString("en-GB")}. What you see is old.` : "No live data yet."} Trying again…` : "");
  },
});
operatorButton(connect);
