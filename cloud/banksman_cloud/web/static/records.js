// The records of all nodes, searched; the newest page refreshes by itself while nobody pages.

import { byId, h, redraw, say, when, words } from "./dom.js";
import { ask, tell } from "./talk.js";

const PAGE = 25;
const SHOWN_MAX = 500;
const TITLES = { decision: "Decisions", alarm: "Alarms", audit: "Audit" };
let asked = new URLSearchParams({ kind: "decision", limit: PAGE });
let records = [];
let cursor = "";
let paged = false;

const rows = {
  decision: (one) => [words(one.type), one.point, one.action === "none" ? "no action" : words(one.action), one.action !== "none",
    one.reason, `${one.source}, ${Math.round((one.confidence ?? 0) * 100)} %${one.review ? ", for review" : ""}`],
  alarm: (one) => [one.key, "", one.active ? "active" : "over", one.active, one.text, one.acknowledged ? `acknowledged${one.by ? ` by ${one.by}` : ""}` : "not acknowledged"],
  audit: (one) => [words(one.event), "", one.by, false, Object.entries(one.details ?? {}).map(([key, value]) => `${key}: ${value}`).join(", "), ""],
};

function row(kind, one) {
  const [what, where, did, acted, why, more] = rows[kind](one.message);
  return h("tr", {},
    h("td", { class: "when" }, when(one.wall_ns)),
    h("td", {}, h("b", {}, one.node)),
    h("td", {}, h("b", {}, what), where ? h("span", {}, where) : null),
    h("td", { class: acted ? "did acted" : "did" }, did),
    h("td", { class: "why" }, why, more ? h("span", {}, more) : null));
}

function draw() {
  const kind = asked.get("kind");
  say(byId("records-title"), TITLES[kind]);
  say(byId("records-sum"), records.length ? "newest first" : cursor ? "nothing found so far" : "nothing found");
  byId("older").hidden = !cursor || records.length >= SHOWN_MAX;
  redraw(byId("records"), [kind, records.map((one) => one.message.id)], () => records.map((one) => row(kind, one)));
}

const page = (at) => ask("GET", `/api/v1/records?${asked}${at ? `&cursor=${at}` : ""}`);

async function first() {
  ({ records, cursor } = await page(""));
  draw();
}

/** Search by what stands in the form. */
export async function searchRecords() {
  asked = new URLSearchParams({ limit: PAGE });
  for (const [name, value] of new FormData(byId("filters"))) if (value.trim()) asked.set(name, value.trim());
  paged = false;
  try {
    await first();
  } catch (problem) {
    say(byId("records-sum"), tell(problem));
  }
}

/** Look again, unless somebody reads older pages. */
export async function watchRecords() {
  if (!paged) await first();
}

byId("older").addEventListener("click", async () => {
  paged = true;
  try {
    const more = await page(cursor);
    records = [...records, ...more.records].slice(0, SHOWN_MAX);
    cursor = more.cursor;
    draw();
  } catch (problem) {
    say(byId("records-sum"), tell(problem));
  }
});
