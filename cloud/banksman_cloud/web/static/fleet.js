// The fleet page: asks every few seconds, and says so when nobody answers.

import { ago, byId, count, h, redraw, say, when } from "./dom.js";
import { openDetails } from "./details.js";
import { watchKept } from "./kept.js";
import { searchRecords, watchRecords } from "./records.js";
import { ask, begin } from "./talk.js";

const EVERY_MS = 3000;
const LOST_MS = 12_000;
const SHOWN_MAX = 200;
const WORDS = { up: "up", late: "late", silent: "silent", new: "never heard" };
const PRIORITIES = ["critical", "important", "normal", "background"];
let fleet = { nodes: [], wall_ns: 0 };
let heard = Date.now();

/** 0 fine, 1 worth a look, 2 wrong. */
function trouble(node) {
  if (node.state === "silent" || node.latched?.length || node.revoked) return 2;
  const lost = Object.values(node.dropped ?? {}).some((times) => times > 0);
  return node.state !== "up" || node.alarms_active || !node.ready || lost || node.clock_off_s || node.certificate_short ? 1 : 0;
}

const waiting = (node) => Object.values(node.outbox ?? {}).reduce((sum, rows) => sum + rows, 0);

function linkWords(link) {
  if (!link?.interface && link?.goodput_mbit == null) return "not told";
  const parts = [link.interface, link.goodput_mbit == null ? "" : `${link.goodput_mbit.toFixed(1)} Mbit/s`,
    link.round_trip_ms == null ? "" : `${link.round_trip_ms.toFixed(0)} ms`, link.metered ? "metered" : ""];
  return parts.filter(Boolean).join(", ");
}

/** What is most worth knowing of a node, and how loud to say it. */
function said(node) {
  if (node.revoked) return ["it is revoked: nothing of it is taken", "bad"];
  if (node.latched?.length) return [`tripped: ${node.latched.join(", ")}`, "bad"];
  if (node.state === "new") return ["has sent no heartbeat yet", "odd"];
  const silent = node.state === "silent" ? "bad" : "odd";
  if (node.state !== "up") return [`heard ${ago((fleet.wall_ns - node.heard_ns) / 1e9)} ago`, silent];
  if (!node.ready) return [`not ready${node.summary ? `: ${node.summary}` : ""}`, "odd"];
  if (node.certificate_short) return [`its certificate ends ${when(node.certificate_ends_ns)} and is not renewed`, "odd"];
  return [node.summary || "ready", ""];
}

function card(node) {
  const [words, loud] = said(node);
  const line = (term, text, kind = "") => [h("span", { class: "of" }, term), h("span", { class: kind }, text)];
  const state = h("span", { class: `chip ${{ up: "good", late: "odd", silent: "bad", new: "" }[node.state]}` }, WORDS[node.state]);
  const mode = node.mode ? h("span", { class: node.mode === "armed" ? "chip armed" : "chip" }, node.mode) : null;
  const critical = node.outbox?.critical ?? 0;
  const off = node.clock_off_s ? line("Clock", `${ago(Math.abs(node.clock_off_s))} ${node.clock_off_s > 0 ? "fast" : "slow"}`, "odd") : [];
  const button = h("button", { type: "button", class: `node ${["", "odd", "bad"][trouble(node)]}`, "data-node": node.name },
    h("span", { class: "top" },
      h("span", {}, h("span", { class: "name" }, node.name), h("span", { class: "place" }, [node.site, node.location].filter(Boolean).join(", ") || "place not told")),
      h("span", { class: "chips" }, state, mode)),
    h("span", { class: `said ${loud}` }, words),
    h("span", { class: "line" },
      ...line("Link", linkWords(node.link)),
      ...line("Queue", `${count(waiting(node))} records${critical ? `, ${count(critical)} critical` : ""}, ${count(node.behind)} readings`, critical ? "odd" : ""),
      ...line("Alarms", node.alarms_active ? `${node.alarms_active} active` : "none", node.alarms_active ? "odd" : ""),
      ...off));
  button.addEventListener("click", () => openDetails(node.name));
  return h("li", {}, button);
}

function showNodes() {
  const wanted = byId("find").value.trim().toLowerCase();
  const hits = fleet.nodes.filter((node) => `${node.name} ${node.site} ${node.location} ${node.hardware}`.toLowerCase().includes(wanted));
  hits.sort((a, b) => trouble(b) - trouble(a) || a.name.localeCompare(b.name, "en", { numeric: true }));
  const shown = hits.slice(0, SHOWN_MAX);
  say(byId("nodes-sum"), hits.length > shown.length ? `${shown.length} of ${count(hits.length)}: troubled ones first` : `${count(hits.length)}, troubled ones first`);
  redraw(byId("nodes"), shown.map((node) => [node, said(node)]), () => shown.map(card));
  redraw(byId("names"), fleet.nodes.map((node) => node.name), () => fleet.nodes.slice(0, 1000).map((node) => h("option", { value: node.name })));
}

function showSums(alarms) {
  const of = (state) => fleet.nodes.filter((node) => node.state === state).length;
  const latched = fleet.nodes.filter((node) => node.latched?.length).length;
  const rows = fleet.nodes.reduce((sum, node) => sum + waiting(node), 0);
  const sums = [
    ["nodes up", count(of("up")), ""],
    ["late", count(of("late")), of("late") ? "odd" : ""],
    ["silent", count(of("silent")), of("silent") ? "bad" : ""],
    ["tripped", count(latched), latched ? "bad" : ""],
    ["open alarms", count(alarms.length), alarms.length ? "odd" : ""],
    ["records waiting on nodes", count(rows), ""],
  ];
  redraw(byId("sums"), sums, () => sums.map(([name, value, kind]) => h("div", kind ? { class: kind } : {}, h("b", {}, value), h("span", {}, name))));
  say(byId("sums-words"), `${count(fleet.nodes.length)} nodes, ${count(fleet.worker.taken ?? 0)} records taken by this worker`);
}

function showAlarms(alarms) {
  say(byId("alarms-sum"), alarms.length ? `${count(alarms.length)} open` : "");
  redraw(byId("alarms"), alarms, () => (alarms.length ? alarms.slice(0, 100).map(({ node, alarm }) =>
    h("li", { class: `open ${alarm.active ? PRIORITIES[alarm.priority] ?? "" : ""}` },
      h("span", { class: "text" }, alarm.text),
      h("span", { class: "quiet" }, `${node}, ${alarm.active ? "active" : "over"}${alarm.acknowledged ? "" : ", not acknowledged"}, ${when(alarm.wall_ns)}`)))
    : [h("li", { class: "none" }, "No alarm is open.")]));
}

function state(word) {
  document.body.dataset.page = word;
  say(byId("page").querySelector("span"), word);
  byId("lost").hidden = word !== "lost";
}

async function look() {
  try {
    const [seen, { alarms }] = await Promise.all([ask("GET", "/api/v1/fleet"), ask("GET", "/api/v1/alarms")]);
    fleet = seen;
    heard = Date.now();
    say(byId("clock"), new Date(fleet.wall_ns / 1e6).toLocaleTimeString("en-GB"));
    showSums(alarms);
    showAlarms(alarms);
    showNodes();
    await watchRecords();
    await watchKept();
    state("live");
  } catch (problem) {
    if (problem.status === 401) await begin().catch(() => {});
    if (Date.now() - heard > LOST_MS) state("lost");
  }
  setTimeout(look, EVERY_MS);
}

byId("find").addEventListener("input", showNodes);
byId("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  searchRecords().catch(() => {});
});
await begin().catch(() => {});
await look();
