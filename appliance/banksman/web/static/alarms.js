// Alarms: one row for each cause, what it brought with it folded into it, and what a person can do.

import { byId, h, keyed, s, say, show } from "./dom.js";
import { when, words } from "./format.js";

const PRIORITIES = ["critical", "important", "normal", "background"];
const SHAPES = {
  critical: "M11 1 21 11 11 21 1 11z", important: "M11 2 21 20H1z",
  normal: "M11 2a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", background: "M3 9h16v4H3z",
};
// `plc.oven > '220 degC'`, `plc: no connection`: a name is shown as it is written.
const NAME_FIRST = /^[\w-]+[.:]/;

const SHELF_MIN = 60;
const FEW = 4; // what a cause brought with it is shown at once up to here, else it is counted

/** Show every alarm with what followed from it; `acknowledge(key)` and `shelve(key, minutes)` are
 *  called by its buttons. */
export function showAlarms(alarms, acknowledge, shelve) {
  const unseen = alarms.filter((alarm) => !alarm.acknowledged).length;
  say(byId("alarms-sum"), alarms.length ? `${unseen} to acknowledge` : "");
  const keys = new Set(alarms.map((alarm) => alarm.key));
  const own = alarms.filter((alarm) => !keys.has(alarm.under))
    .map((alarm) => ({ alarm, followed: alarms.filter((other) => other.under === alarm.key) }));
  const rows = own.length ? own : [{ alarm: null }];
  keyed(byId("alarms"), rows, ({ alarm }) => alarm?.key ?? "", ({ alarm: first }) => {
    if (!first) return { node: h("li", { class: "none" }, "No alarms."), update: () => {} };
    const text = h("p", { class: "text" });
    const note = h("p", { class: "note" });
    const isOrder = first.key.startsWith("work_order.");
    const button = h("button", { type: "button" }, isOrder ? "Done" : "Acknowledge");
    button.addEventListener("click", () => acknowledge(first.key, button));
    const shape = s("path");
    const icon = s("svg", { viewBox: "0 0 22 22", "aria-hidden": "true" }, shape);
    const shelf = h("button", { type: "button", class: "small" }, "Shelve for 1 h");
    shelf.addEventListener("click", () => shelve(first.key, shelf.dataset.minutes * 1, shelf));
    const buttons = h("p", { class: "buttons" }, button, shelf);
    const sum = h("summary");
    const list = h("ul");
    const caused = h("details", { class: "caused" }, sum, list);
    const node = h("li", { "data-alarm": first.key }, icon, text, note, caused, buttons);
    let opened = false;
    const update = ({ alarm, followed }) => {
      const priority = PRIORITIES[alarm.priority] ?? "normal";
      const until = alarm.shelved_until_wall_ns ?? 0;
      const gone = alarm.active && !until ? "" : " gone";
      node.className = `${priority}${gone}${alarm.acknowledged ? "" : " unseen-yet"}`;
      shape.setAttribute("d", SHAPES[priority]);
      say(text, alarm.text);
      text.classList.toggle("named", NAME_FIRST.test(alarm.text));
      const times = alarm.count > 1 ? `, ${alarm.count} times` : "";
      const seen = alarm.acknowledged ? `, acknowledged by ${alarm.by || "someone"}` : "";
      const quiet = until ? `, shelved until ${when(until)}` : "";
      const kind = isOrder ? "Work order" : words(priority);
      say(note, `${kind}, ${alarm.active ? "active" : "gone"} since ${when((alarm.active && alarm.raised_wall_ns) || alarm.wall_ns)}${times}${seen}${quiet}`);
      show(caused, followed.length > 0);
      say(sum, followed.length === 1 ? "It caused one more" : `It caused ${followed.length} more`);
      // Opened once, then it is the reader's.
      if (followed.length && !opened) caused.open = opened = followed.length <= FEW;
      keyed(list, followed, (one) => one.key, () => {
        const item = h("li");
        return { node: item, update: (one) => say(item, one.active ? one.text : `${one.text} (gone)`) };
      });
      show(button, !alarm.acknowledged);
      // A trip waits for its reset, and what is over and seen leaves by itself.
      show(shelf, until > 0 || (alarm.active && !isOrder && !alarm.key.startsWith("trip.")));
      shelf.dataset.minutes = until ? 0 : SHELF_MIN;
      say(shelf, until ? "Take from the shelf" : "Shelve for 1 h");
      shelf.setAttribute("aria-label", `${until ? "Take from the shelf" : "Shelve for one hour"}: ${alarm.text}`);
      button.setAttribute("aria-label", `${isOrder ? "Done" : "Acknowledge"}: ${alarm.text}`);
    };
    return { node, update };
  });
}
