// What an operator wants of one node: orders it takes, and values it lets be set.

import { byId, h, redraw, say, when, words } from "./dom.js";
import { ask, operate, tell } from "./talk.js";

const CHIPS = { done: "good", failed: "bad", refused: "bad", unknown_name: "bad", expired: "odd" };
let node = "";
let version = 0;
let again = async () => {};

const path = (rest) => `/api/v1/nodes/${encodeURIComponent(node)}/${rest}`;

/** Show what may be wanted of this node, and what became of it. `look` shows everything anew. */
export function showDirecting(details, look) {
  node = details.node.name;
  version = details.shadow.desired.version;
  again = look;
  const names = Array.isArray(details.capabilities.orders) ? details.capabilities.orders.map(String) : [];
  redraw(byId("order-names"), names, () => names.map((name) => h("option", { value: name })));
  redraw(byId("details-orders"), details.orders, () => (details.orders.length
    ? details.orders.slice(0, 20).map(orderRow) : [h("li", {}, h("span", { class: "quiet" }, "none yet"))]));
  const settable = Object.entries(details.capabilities.settable ?? {});
  byId("desire").hidden = !settable.length;
  const values = details.shadow.desired.values ?? {};
  redraw(byId("desire-fields"), [node, version, settable], () => settable.map(([name, one]) => field(name, one, values[name])));
}

function orderRow(one) {
  const told = Object.keys(one.details ?? {}).length
    ? h("details", {}, h("summary", {}, "what it told"), h("pre", {}, JSON.stringify(one.details, null, 1))) : null;
  const state = h("span", { class: `chip ${CHIPS[one.state] ?? ""}` }, words(one.state));
  const take = one.state === "waiting" ? h("button", { type: "button", class: "small" }, "Withdraw") : null;
  take?.addEventListener("click", () => change("Needed to withdraw an order.", "order-problem",
    () => ask("DELETE", path(`orders/${encodeURIComponent(one.order.id)}`))));
  return h("li", {}, h("div", {}, h("b", {}, words(one.order.name)), ` by ${one.by || "?"}, ${when(one.made_ns)}`,
    one.message ? h("span", { class: "quiet" }, ` ${one.message}`) : null, told), h("span", { class: "chips" }, state, take));
}

function field(name, one, value) {
  const input = h("input", { name, type: "number", step: "any", min: String(one?.least ?? ""), max: String(one?.most ?? ""), placeholder: String(one?.value ?? "") });
  if (typeof value === "number") input.value = String(value);
  return h("label", {}, `${words(name)}, ${one?.unit ?? ""}: ${one?.least} to ${one?.most}`, input);
}

async function change(why, problem, action) {
  say(byId(problem), "");
  try {
    await operate(why, action);
    await again();
  } catch (error) {
    say(byId(problem), error instanceof SyntaxError ? "The arguments are no JSON object." : tell(error));
  }
}

byId("order").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = event.target.elements;
  change("Needed to give an order.", "order-problem", () => ask("POST", path("orders"), {
    name: fields.name.value, arguments: JSON.parse(fields.arguments.value || "{}"), expires_s: 60 * fields.minutes.valueAsNumber,
  }));
});

byId("desire").addEventListener("submit", (event) => {
  event.preventDefault();
  const inputs = [...event.target.querySelectorAll("input")].filter((input) => input.value !== "");
  const values = Object.fromEntries(inputs.map((input) => [input.name, input.valueAsNumber]));
  change("Needed to change a desired state.", "desire-problem", () => ask("PUT", path("desired"), { values, if_version: version }));
});
