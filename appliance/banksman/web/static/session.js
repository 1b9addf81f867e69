// The operator: log in, first password, log out; and doing things that need it.

import { byId, say, show } from "./dom.js";
import { ask, Problem } from "./talk.js";

const dialog = byId("login");
const form = dialog.querySelector("form");
let session = { signed_in: false, setup_needed: false, login_to_read: false };
let settle = null;

/** Know what the box says of this session. */
export function know(state) {
  session = state;
  say(byId("operator"), session.signed_in ? "Log out" : session.setup_needed ? "Set password" : "Log in");
}

/** Ask for the password; resolves to whether the operator is logged in. */
export function logIn(why) {
  const first = session.setup_needed;
  say(byId("login-title"), first ? "Set the operator's password" : "Log in");
  say(byId("login-why"), first ? "The box showed a setup code on its console when it started. Choose a password of 10 characters or more." : why);
  say(byId("login-problem"), "");
  show(byId("code-field"), first);
  form.code.required = first;
  form.password.autocomplete = first ? "new-password" : "current-password";
  say(form.querySelector("[type=submit]"), first ? "Set password" : "Log in");
  form.reset();
  if (!dialog.open) dialog.showModal();
  (first ? form.code : form.password).focus();
  return new Promise((resolve) => { settle = resolve; });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const submit = form.querySelector("[type=submit]");
  submit.disabled = true;
  try {
    know(session.setup_needed
      ? await ask("POST", "/api/v1/session/setup", { code: form.code.value, password: form.password.value })
      : await ask("POST", "/api/v1/session", { password: form.password.value }));
    form.reset();
    dialog.close("in");
  } catch (problem) {
    say(byId("login-problem"), tell(problem));
    if (problem.status === 409) know(await ask("GET", "/api/v1/session"));
  } finally {
    submit.disabled = false;
  }
});

dialog.addEventListener("close", () => {
  settle?.(session.signed_in);
  settle = null;
  form.reset();
});

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

/** Do what needs the operator: logs in first if need be, and tells what went wrong. */
export async function operate(why, button, action) {
  if (document.body.dataset.stream !== "live") {
    toast("Not while this page is not live: what you see may be old.");
    return;
  }
  button.disabled = true;
  try {
    if (!session.signed_in && !(await logIn(why))) return;
    try {
      await action();
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      know(await ask("GET", "/api/v1/session"));
      if (await logIn(why)) await action();
    }
  } catch (problem) {
    toast(tell(problem));
  } finally {
    button.disabled = false;
  }
}

/** Log in or out with the header's button; `changed` is called afterwards. */
export function operatorButton(changed) {
  byId("operator").addEventListener("click", async () => {
    try {
      if (session.signed_in) know(await ask("DELETE", "/api/v1/session"));
      else await logIn("Needed to reset trips and to acknowledge alarms.");
    } catch (problem) {
      toast(tell(problem));
    }
    changed();
  });
}

const tell = (problem) => (problem instanceof Problem
  ? `${problem.message.charAt(0).toUpperCase()}${problem.message.slice(1)}. ${problem.remedy}`.trim()
  : "The box does not answer.");

let toasted = 0;

/** Say something in passing. */
export function toast(text) {
  say(byId("toast"), text);
  show(byId("toast"), true);
  clearTimeout(toasted);
  toasted = setTimeout(() => show(byId("toast"), false), 6000);
}
