// Decisions, reaction histograms, devices, outbox, link, store and versions.

import { byId, h, keyed, pairs, say, show } from "./dom.js";
import { count, duration, megabytes, when, words } from "./format.js";
import { ask } from "./talk.js";

const ROWS = 10;
const ROWS_MAX = 300;
const BARS_MIN = 8;
const WAITS_LONG_S = 60; // what waits shorter is on its way
const LATENCIES = {
  decision_latency: "Reading to decision", actuation_latency: "Reading to output",
  loop_lateness: "Loop lateness", lease_margin: "Lease left when renewed",
};
let decisions = [];
let older = null;
let shown = ROWS;

/** Load the newest recorded decisions. */
export async function loadDecisions(before = null) {
  const page = before ? `&before=${encodeURIComponent(before)}` : "";
  const answer = await ask("GET", `/api/v1/decisions?limit=${ROWS}${page}`);
  const known = new Set(decisions.map((one) => one.id));
  const fresh = answer.decisions.filter((one) => !known.has(one.id));
  decisions = [...decisions, ...fresh].sort((a, b) => b.wall_ns - a.wall_ns);
  older = answer.next_before;
  showDecisions(new Set());
}

byId("older").addEventListener("click", () => {
  shown = Math.min(shown + ROWS, ROWS_MAX);
  loadDecisions(decisions.at(-1)?.id ?? null).catch(() => showDecisions(new Set()));
});

/** A decision has just been made. */
export function addDecision(decision) {
  decisions = [decision, ...decisions.filter((one) => one.id !== decision.id)];
  decisions.length = Math.min(decisions.length, ROWS_MAX);
  showDecisions(new Set([decision.id]));
}

function showDecisions(fresh) {
  say(byId("decisions-sum"), decisions.length ? "newest first" : "none recorded yet");
  show(byId("older"), (Boolean(older) || decisions.length > shown) && shown < ROWS_MAX);
  keyed(byId("decisions"), decisions.slice(0, shown), (one) => one.id, (one) => ({ node: row(one, fresh.has(one.id)), update: () => {} }));
}

function row(one, isFresh) {
  const share = Math.round((one.confidence ?? 0) * 100);
  const bar = h("i");
  bar.style.width = `${share}%`;
  const sure = h("div", { class: one.review || one.sync ? "sure low" : "sure" }, h("span", { class: "track", "aria-hidden": "true" }, bar), `${share} %`);
  const flags = h("div", { class: "flags" },
    one.review ? h("span", { class: "chip odd" }, "for review") : null,
    one.sync ? h("span", { class: "chip" }, "sent early") : null);
  const acted = one.action !== "none";
  const version = one.rule ?? one.model_version ?? "";
  const node = h("tr", isFresh ? { class: "fresh" } : {},
    h("td", { class: "when" }, when(one.wall_ns)),
    h("td", { class: "what" }, h("b", {}, words(one.type)), h("span", {}, one.point)),
    h("td", { class: acted ? "did acted" : "did" }, acted ? words(one.action) : "no action", acted && one.mode === "observe" ? h("div", { class: "quiet" }, "not written") : null),
    h("td", { class: "why" }, one.reason),
    h("td", { class: "sureness" }, sure, flags),
    h("td", { class: "from" }, words(one.source), version ? h("span", {}, version) : null),
    h("td", { class: "took" }, duration(one.latency_us / 1e6)));
  if (isFresh) setTimeout(() => node.classList.remove("fresh"), 1500);
  return node;
}

/** Show the latency histograms and who was late. */
export function showReaction(histograms, culprit) {
  say(byId("culprit"), culprit ? `latest lateness: ${culprit}` : "never late");
  keyed(byId("histograms"), Object.entries(histograms), ([name]) => name, ([name]) => {
    const figures = ["p50", "p99", "max"].map((label) => ({ label, value: h("b") }));
    const bars = h("div", { class: "bars", role: "img" });
    const bounds = h("div", { class: "bounds", "aria-hidden": "true" });
    const node = h("div", { class: "histogram" }, h("h3", {}, LATENCIES[name] ?? words(name)),
      h("p", { class: "figures" }, ...figures.map(({ label, value }) => h("span", {}, `${label} `, value))), bars, bounds);
    const update = ([, view]) => {
      for (const { label, value } of figures) say(value, view.count ? duration(view[`${label}_s`]) : "–");
      drawBars(bars, bounds, view, name !== "lease_margin");
    };
    return { node, update };
  });
}

const barOf = (view, seconds) => view.bounds_s.findIndex((bound) => bound === null || seconds <= bound);

function drawBars(bars, bounds, view, lowIsGood) {
  const every = view.counts.map((total, index) => total - (index ? view.counts[index - 1] : 0));
  const first = Math.max(0, every.findIndex((number) => number > 0) - 1);
  const end = Math.min(every.length, Math.max(first + BARS_MIN, every.findLastIndex((number) => number > 0) + 2));
  const start = Math.max(0, Math.min(first, end - BARS_MIN));
  const each = every.slice(start, end);
  const top = Math.log1p(Math.max(1, ...each));
  bars.setAttribute("aria-label", `${count(view.count)} measured, median ${duration(view.p50_s)}, 99th percentile ${duration(view.p99_s)}; bar heights are logarithmic`);
  keyed(bars, each.map((number, place) => ({ number, index: start + place })), (one) => one.index, () => {
    const node = h("i");
    const update = ({ number, index }) => {
      const bound = view.bounds_s[index];
      const from = index ? view.bounds_s[index - 1] : 0;
      const marks = ["p50", "p99"].filter((label) => view.count && barOf(view, view[`${label}_s`]) === index);
      node.className = lowIsGood && index > barOf(view, view.p99_s) ? "tail" : "";
      if (marks.length) node.dataset.mark = marks.join(" ");
      else delete node.dataset.mark;
      node.style.height = number ? `${Math.max(4, (Math.log1p(number) / top) * 100)}%` : "0";
      node.title = `${duration(from)} to ${bound === null ? "more" : duration(bound)}: ${count(number)}`;
    };
    return { node, update };
  });
  const finite = view.bounds_s.slice(start, end).filter((bound) => bound !== null);
  const labels = [finite[0], finite[Math.floor(finite.length / 2)], finite.at(-1)];
  keyed(bounds, labels.map((bound, index) => ({ bound, index })), (one) => one.index, () => {
    const node = h("span");
    return { node, update: ({ bound }) => say(node, duration(bound)) };
  });
}

/** Show each device with its health message. */
export function showDevices(devices) {
  const lost = devices.filter((device) => device.state !== "connected").length;
  say(byId("devices-sum"), lost ? `${lost} of ${devices.length} not connected` : `${devices.length} connected`);
  keyed(byId("devices"), devices, (device) => device.id, (first) => {
    const name = h("span", { class: "name" });
    const value = h("span");
    const note = h("span", { class: "note" });
    const update = (device) => {
      say(name, device.id);
      say(value, device.state === "lost" ? "✕ lost" : device.state === "connected" ? "✓ connected" : "… starting");
      value.className = device.state === "lost" ? "value bad" : "value";
      const trip = device.round_trip_us ? `, ${duration(device.round_trip_us / 1e6)} round trip` : "";
      const errors = device.errors ? `, ${count(device.errors)} errors, ${count(device.reconnects)} reconnects` : "";
      say(note, `${device.message || device.driver} (${device.driver}${trip}${errors})`);
    };
    return { node: h("li", { "data-device": first.id }, name, value, note), update };
  });
}

/** What the uplink measured, in words; a profile says what it lets through. */
function syncWords(sync) {
  if (sync.state === "off") return "off";
  const words = [sync.state, sync.peer];
  if (sync.state !== "up") return [...words, sync.message].filter(Boolean).join(", ");
  if (sync.goodput_mbit !== null) words.push(`${Number(sync.goodput_mbit.toPrecision(3))} Mbit/s${sync.stale ? " (old)" : ""}`);
  if (sync.round_trip_ms !== null) words.push(duration(sync.round_trip_ms / 1000));
  words.push(`profile ${sync.profile}`, sync.metered ? "metered" : "");
  return words.filter(Boolean).join(", ");
}

/** A row that waits: for whom, how long, and what becomes of it. */
function oldestWords(row) {
  const words = [row.id ? `${row.kind} ${row.id}` : "a bundled row", `waits ${duration(row.waits_s)} for ${row.channel}`];
  if (row.attempts) words.push(`${count(row.attempts)} tries in vain`);
  if (row.deadline_s !== null) words.push(`${duration(Math.abs(row.deadline_s))} ${row.deadline_s < 0 ? "over its" : "to its"} deadline`);
  if (row.lives_s !== null) words.push(`lives ${duration(Math.max(0, row.lives_s))} more`);
  return words.join(", ");
}

/** A time whose readings the endpoint has as least, most and mean only. */
function thinnedWords(period) {
  const [from, to] = [period.from_wall_ns, period.to_wall_ns].map((ns) => `${new Date(ns / 1e6).toISOString().slice(0, 16).replace("T", " ")}Z`);
  return `${from} to ${to} (${count(period.readings)})`;
}

/** The box's certificate at its endpoint; a loud state says what to do. */
function identityRow(identity) {
  if (identity.state === "off") return [];
  const until = identity.ends_wall_ns ? `until ${new Date(identity.ends_wall_ns / 1e6).toISOString().slice(0, 10)}` : "";
  const loud = { good: "", none: "", due: "odd" }[identity.state] ?? "bad";
  return [["Certificate", [identity.state, until, identity.message].filter(Boolean).join(", "), loud]];
}

/** Show outbox, link, uplink and store. */
export function showRecords(store, link, sync, identity) {
  say(byId("link-sum"), link.state === "off" ? "no telemetry configured" : `link ${link.state}`);
  keyed(byId("outbox"), Object.entries(store.outbox_depth), ([name]) => name, ([name]) => {
    const value = h("b");
    return { node: h("div", {}, value, h("span", {}, `${name} in outbox`)), update: ([, depth]) => say(value, count(depth)) };
  });
  const dropped = Object.entries(store.dropped).filter(([, times]) => times).map(([why, times]) => `${why} (${count(times)})`);
  const behind = Object.entries(store.readings_behind).map(([name, rows]) => `${name} ${count(rows)}`);
  const linkWords = link.state === "up" ? `up, ${link.peer}, ${duration(link.round_trip_ms / 1000)}` : [link.state, link.peer, link.message].filter(Boolean).join(", ");
  pairs(byId("records"), [
    ["Link", linkWords, link.state === "down" ? "odd" : ""],
    ["Sent", `${count(link.published)}, ${count(link.acknowledged)} acknowledged (newest values ask for none), ${count(link.reconnects)} reconnects`],
    ["Uplink", syncWords(sync), sync.state === "denied" ? "bad" : sync.state === "down" ? "odd" : ""],
    ...(sync.state === "off" ? [] : [["Sent up", `${count(sync.records_sent)} records, ${count(sync.readings_sent)} readings in ${megabytes(sync.wire_bytes / 1e6)}`]]),
    ...(sync.readings_thinned ? [["Thinned", `${count(sync.readings_thinned)} readings, ${sync.thinned.map(thinnedWords).join("; ")}`, "odd"]] : []),
    ...identityRow(identity),
    ...Object.entries(store.oldest ?? {}).filter(([, row]) => row.waits_s >= WAITS_LONG_S).map(([name, row]) => [`Oldest ${name}`, oldestWords(row), row.deadline_s !== null && row.deadline_s < 0 ? "odd" : ""]),
    ["Readings behind", behind.join(", ") || "none"],
    ["Store", [store.state, store.message].filter(Boolean).join(": "), store.state === "ok" ? "" : "bad"],
    ["Safe up to", store.durable_mark || "–"],
    ["Room", `${megabytes(store.size_mb)} used of ${megabytes(store.quota_mb)}, ${megabytes(store.free_mb)} free on disk`],
    ["Commit", `p50 ${duration(store.commit_p50_ms / 1000)}, p99 ${duration(store.commit_p99_ms / 1000)}`],
    ["Dropped", dropped.join(", ") || "nothing", dropped.length ? "odd" : ""],
    ["Sealed", store.sealing || "no"],
    ...(store.unreadable ? [["Do not open", `${count(store.unreadable)} records, set aside`, "bad"]] : []),
    ...(store.set_aside.length ? [["Set aside", `damaged: ${store.set_aside.join(", ")}`, "bad"]] : []),
  ]);
}

/** Show what runs here. */
export function showAbout(state) {
  const { versions, counters, web } = state;
  const models = Object.entries(versions.models).map(([name, version]) => `${name} ${version}`).join(", ");
  const dropped = Object.entries(counters).filter(([name, times]) => name.startsWith("dropped_") && times);
  pairs(byId("about"), [
    ["Banksman", [versions.banksman, versions.commit].filter(Boolean).join(", ")],
    ["Rules", versions.rules || "none"],
    ["Models", models || "none"],
    ["Guard", versions.guard || "none", versions.guard ? "" : "odd"],
    ["Python", versions.python],
    ["Board", versions.board || "not known"],
    ["Readings", `${count(counters.readings)} in ${count(counters.batches)} batches`],
    ["Commands", `${count(counters.commands ?? 0)}, refused ${count(counters.commands_refused ?? 0)}, failed ${count(counters.commands_failed ?? 0)}`],
    ["Dropped in the loop", dropped.map(([name, times]) => `${words(name.slice(8))} ${count(times)}`).join(", ") || "nothing", dropped.length ? "odd" : ""],
    ["Log-ins locked out", count(web.logins_locked_out), web.logins_locked_out ? "odd" : ""],
    ["Boot", state.boot_id],
  ]);
}
