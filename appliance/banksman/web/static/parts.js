// The parts that a station learns from, one by one, the oddest first: is this one really good?

import { byId, h, keyed, say, show } from "./dom.js";
import { count, number } from "./format.js";
import { operate, toast } from "./session.js";
import { ask } from "./talk.js";

const SHOWN = 12;
const LOOK_MS = 3000;
const box = byId("teach-parts");
let path = "";
let shown = SHOWN;
let seen = "";
let lookedAt = 0;

/** Follow the station under `base` as its commissioning goes on; `view` is how far it is. */
export function followParts(base, view, changed) {
  if (base !== path) {
    path = base;
    shown = SHOWN;
    seen = "";
    box.open = false;
  }
  const taken = view.good + Object.values(view.defects).reduce((sum, times) => sum + times, 0);
  show(box, taken > 0 || box.open);
  if (!box.open) return;
  const state = [view.good, taken, view.phase, view.good_scores.length, shown].join();
  if (state === seen && Date.now() - lookedAt < LOOK_MS) return;
  seen = state;
  lookedAt = Date.now();
  look(changed).catch(() => { seen = ""; });
}

async function look(changed) {
  const of = path;
  const { parts } = await ask("GET", `${of}/parts`);
  if (of !== path) return;
  const odd = parts.filter((part) => part.odd).length;
  say(byId("teach-parts-sum"), odd ? `${count(odd)} look odd: really good?` : "the oddest first");
  show(byId("teach-parts-more"), parts.length > shown);
  if (!parts.length) box.open = false;
  keyed(byId("teach-parts-list"), parts.slice(0, shown), (part) => part.id, (first) => card(of, first, changed));
}

function card(of, first, changed) {
  const picture = h("img", { src: `${of}/parts/${first.id}/picture`, loading: "lazy", alt: `Part ${first.id}` });
  const told = h("span", { class: "quiet num" });
  const button = h("button", { class: "plain small", type: "button" });
  const node = h("li", { "data-part": first.id }, picture, h("b", {}, words(first)), told, button);
  let removed = first.removed;
  button.addEventListener("click", () => operate("A station is taught by the operator.", button, async () => {
    const view = await ask("POST", `${of}/parts/${first.id}/${removed ? "put_back" : "remove"}`);
    toast(removed ? `${words(first)} is learnt from again.` : `${words(first)} is learnt from no more. Let it learn anew.`);
    seen = "";
    changed(view);
  }));
  const update = (part) => {
    removed = part.removed;
    node.className = part.removed ? "gone" : part.odd ? "odd" : "";
    say(told, part.removed ? "removed" : oddness(part));
    say(button, part.removed ? "Put back" : "Remove");
    button.setAttribute("aria-label", `${part.removed ? "Put back" : "Remove"} ${words(part)}`);
  };
  return { node, update };
}

const words = (part) => (part.kind === "good" ? `Good ${Number(part.id.slice(5))}` : `${part.label} ${Number(part.id.split("-").pop())}`);

function oddness(part) {
  const how = part.rarity !== null ? `rarity ${number(part.rarity)}` : part.far !== null ? `${part.far.toFixed(1)} × from the others` : "";
  return part.odd ? `really good? ${how}` : how;
}

byId("teach-parts-more").addEventListener("click", () => { shown += 4 * SHOWN; });
