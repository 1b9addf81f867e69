// Lists the API from its own description. Text goes in as text only.

import { byId, h } from "./dom.js";
import { ask } from "./talk.js";

const DOORS = {
  public: "open", read: "open on the box, login beyond", operate: "login and CSRF token",
  reset: "login and CSRF token; never over the socket",
};

function operation(path, verb, one) {
  const answers = Object.entries(one.responses).map(([status, answer]) => `${status}  ${answer.description}${nameOf(answer.content)}`);
  const inputs = (one.parameters ?? []).map((part) => `${part.in}  ${part.name}${part.description ? `: ${part.description}` : ""}`);
  if (one.requestBody) inputs.push(`body ${nameOf(one.requestBody.content)}`);
  return h("details", {},
    h("summary", {}, h("span", { class: "verb" }, verb.toUpperCase()), h("code", {}, path), h("span", {}, one.summary),
      h("span", { class: "access quiet" }, DOORS[one["x-access"]] ?? "")),
    h("div", { class: "inside" }, inputs.length ? h("pre", {}, inputs.join("\n")) : null, h("pre", {}, answers.join("\n"))));
}

function nameOf(content) {
  const schema = Object.values(content ?? {})[0]?.schema?.$ref;
  return schema ? `  → ${schema.split("/").pop()}` : "";
}

try {
  const document_ = await ask("GET", "/api/v1/openapi.json");
  byId("about").textContent = document_.info.description;
  for (const [path, verbs] of Object.entries(document_.paths)) {
    for (const [verb, one] of Object.entries(verbs)) byId("paths").append(operation(path, verb, one));
  }
  for (const [name, schema] of Object.entries(document_.components.schemas)) {
    byId("schemas").append(h("details", {}, h("summary", {}, h("code", {}, name), h("span", { class: "quiet" }, schema.description ?? "")),
      h("div", { class: "inside" }, h("pre", {}, JSON.stringify(schema, null, 2)))));
  }
} catch (problem) {
  byId("about").textContent = `${problem.message}. ${problem.remedy ?? ""}`;
}
