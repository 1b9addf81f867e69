// Lists the API from its own description. Text goes in as text only.

import { byId, h, say } from "./dom.js";

const nameOf = (content) => {
  const schema = Object.values(content ?? {})[0]?.schema?.$ref;
  return schema ? `  → ${schema.split("/").pop()}` : "";
};

function operation(path, verb, one) {
  const inputs = (one.parameters ?? []).map((part) => `${part.in}  ${part.name}${part.description ? `: ${part.description}` : ""}`);
  if (one.requestBody) inputs.push(`body ${Object.keys(one.requestBody.content)[0]}${nameOf(one.requestBody.content)}`);
  const answers = Object.entries(one.responses).map(([status, answer]) => `${status}  ${answer.description}${nameOf(answer.content)}`);
  return h("details", {},
    h("summary", {}, verb.toUpperCase(), h("code", {}, path), one.summary, h("span", { class: "quiet" }, ` (${one["x-access"]})`)),
    h("pre", {}, [...inputs, "", ...answers].join("\n").trim()));
}

try {
  const answer = await fetch("/api/v1/openapi.json", { cache: "no-store" });
  if (!answer.ok) throw new Error("Log in on the fleet page first");
  const described = await answer.json();
  say(byId("about"), described.info.description);
  for (const [path, verbs] of Object.entries(described.paths)) {
    for (const [verb, one] of Object.entries(verbs)) byId("paths").append(operation(path, verb, one));
  }
  for (const [name, schema] of Object.entries(described.components.schemas)) {
    byId("schemas").append(h("details", {}, h("summary", {}, h("code", {}, name), schema.description ?? ""),
      h("pre", {}, JSON.stringify(schema, null, 2))));
  }
} catch (problem) {
  say(byId("about"), problem.message);
}
