// What this endpoint keeps, how long, and what it has deleted for it.

import { byId, count, h, redraw, say, when, words } from "./dom.js";
import { ask } from "./talk.js";

const EVERY_MS = 60_000;
let next = 0;

const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${count(Math.round(bytes / 1e3))} kB`);

function row({ kind, days, mb, deleted_rows: rows, deleted_bytes: bytes, deleted_ns: at }) {
  const bounds = [days ? `${count(days)} days` : "", mb ? `up to ${count(mb)} MB` : ""].filter(Boolean).join(", ");
  const gone = rows ? `${count(rows)} (${size(bytes)}), last ${when(at)}` : "nothing";
  return h("tr", {}, h("td", {}, h("b", {}, words(kind))), h("td", {}, bounds || "for ever"), h("td", {}, gone));
}

/** Look now and then. */
export async function watchKept() {
  if (Date.now() < next) return;
  next = Date.now() + EVERY_MS;
  const { kinds, swept_ns: at } = await ask("GET", "/api/v1/retention");
  say(byId("kept-sum"), at ? `last looked through ${when(at)}` : "not looked through yet");
  redraw(byId("kept"), kinds, () => kinds.map(row));
}
