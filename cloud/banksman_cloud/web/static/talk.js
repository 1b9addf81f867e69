// Requests to the endpoint, and who is logged in.

import { byId, say } from "./dom.js";

/** What the endpoint answered when it said no. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `the endpoint answered ${status}`);
    this.status = status;
    this.remedy = body.remedy ?? "";
  }
}

let session = { signed_in: false, csrf: "", operators: true, login_to_read: false };

/** One request; raises Problem with the endpoint's own words. */
export async function ask(method, path, body) {
  const headers = {};
  if (method !== "GET") headers["X-CSRF-Token"] = session.csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store",
  });
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, value);
  if (path === "/api/v1/session") know(value);
  return value;
}

export const tell = (problem) => (problem instanceof Problem
  ? `${problem.message}. ${problem.remedy}`.trim() : "The endpoint does not answer.");

function know(state) {
  session = state;
  say(byId("operator"), state.signed_in ? `Log out ${state.name}` : "Log in");
  byId("nobody").hidden = state.operators;
  say(byId("nobody"), "There is no operator yet: `banksman-cloud operator NAME` makes one.");
}

const dialog = byId("login");
const form = dialog?.querySelector("form");
let settle = null;

/** Ask for the password; resolves to whether somebody is logged in now. */
export function logIn(why) {
  say(byId("login-why"), why);
  say(byId("login-problem"), "");
  form.reset();
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => { settle = resolve; });
}

/** Know the session; log in first where reading needs it. */
export async function begin() {
  await ask("GET", "/api/v1/session");
  if (session.login_to_read && !session.signed_in) await logIn("This endpoint shows nothing without a login.");
}

/** Do what needs an operator. */
export async function operate(why, action) {
  if (!session.signed_in && !(await logIn(why))) return false;
  try {
    await action();
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    await ask("GET", "/api/v1/session");
    if (!(await logIn(why))) return false;
    await action();
  }
  return true;
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask("POST", "/api/v1/session", { name: form.elements.name.value, password: form.elements.password.value });
    dialog.close();
  } catch (problem) {
    say(byId("login-problem"), tell(problem));
  }
});
dialog?.addEventListener("close", () => {
  settle?.(session.signed_in);
  settle = null;
  form.reset();
});
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
byId("operator")?.addEventListener("click", async () => {
  if (!session.signed_in) await logIn("Needed to give orders and to change desired states.");
  else await ask("DELETE", "/api/v1/session").catch(() => {});
});
