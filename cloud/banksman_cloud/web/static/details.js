// One node: what it is, its link, its shadow and its orders.

import { showDirecting } from "./directing.js";
import { ago, byId, count, pairs, redraw, say, when, words } from "./dom.js";
import { linkPlot } from "./linkplot.js";
import { ask, tell } from "./talk.js";

const dialog = byId("details");
const AGAIN_MS = 3000;
let name = "";
let timer = 0;

const dash = (value, unit = "") => (value === null || value === undefined || value === "" ? "–" : `${value}${unit}`);
const json = (values) => JSON.stringify(values, null, 1);

function show(details) {
  const { node, shadow } = details;
  const link = node.link ?? {};
  say(byId("details-title"), node.name);
  say(byId("details-sum"), [node.site, node.location].filter(Boolean).join(", "));
  pairs(byId("details-node"), [
    ["State", node.summary || node.state], ["Mode", dash(node.mode)], ["Version", dash(node.version)],
    ["Hardware", dash(node.hardware)], ["Devices", details.devices.map((one) => one.id ?? "?").join(", ") || "–"],
    ["Running for", node.uptime_s ? ago(node.uptime_s) : "–"],
    ["Heard", node.heard_ns ? when(node.heard_ns) : "never"], ["Last records", node.ingested_ns ? when(node.ingested_ns) : "never"],
    ["Certificate", node.certificate_ends_ns ? `until ${when(node.certificate_ends_ns)}` : "none", node.certificate_short ? "odd" : ""],
  ]);
  const dropped = Object.entries(node.dropped ?? {}).filter(([, times]) => times).map(([why, times]) => `${words(why)} ${count(times)}`);
  pairs(byId("details-link"), [
    ["Interface", dash(link.interface)], ["Goodput", dash(link.goodput_mbit?.toFixed(1), " Mbit/s")],
    ["Round trip", dash(link.round_trip_ms?.toFixed(0), " ms")],
    ["Reliability", link.reliability === null || link.reliability === undefined ? "–" : `${(link.reliability * 100).toFixed(1)} %`],
    ["Metered", link.metered ? "yes" : "no"], ["Profile", dash(link.profile)],
    ["Waiting", Object.entries(node.outbox ?? {}).map(([kind, rows]) => `${kind} ${count(rows)}`).join(", ") || "nothing"],
    ["Readings", `${count(node.behind)} behind`], ["Dropped", dropped.join(", ") || "nothing", dropped.length ? "odd" : ""],
  ]);
  say(byId("details-reported"), shadow.reported.version ? json(shadow.reported.values) : "nothing reported yet");
  say(byId("details-desired"), shadow.desired.version ? `version ${shadow.desired.version}\n${json(shadow.desired.values)}` : "nothing desired");
  const plot = linkPlot(details.links ?? []);
  redraw(byId("details-plot"), details.links, () => (plot ? [plot] : []));
  showDirecting(details, look);
}

async function look() {
  clearTimeout(timer);
  try {
    show(await ask("GET", `/api/v1/nodes/${encodeURIComponent(name)}`));
  } catch (problem) {
    say(byId("details-sum"), tell(problem));
  }
  if (dialog.open) timer = setTimeout(look, AGAIN_MS);
}

/** Show one node until the dialog is closed. */
export async function openDetails(node) {
  name = node;
  for (const problem of ["order-problem", "desire-problem"]) say(byId(problem), "");
  dialog.showModal();
  await look();
}
