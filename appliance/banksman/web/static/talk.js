// Talking to the box: requests, the operator's session, and the live stream with its staleness.

const SILENT_MS = 3000;
const FIRST_MS = 6000;
const RETRY_MAX_MS = 10_000;

/** What the box answered when it said no. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `the box answered ${status}`);
    this.status = status;
    this.remedy = body.remedy ?? "";
  }
}

let csrf = "";

/** One request; raises Problem with the box's own words. */
export async function ask(method, path, body) {
  const headers = {};
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store",
  });
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, value);
  if (path.startsWith("/api/v1/session")) csrf = value.csrf;
  return value;
}

/** Listen until the page closes. `on` has snapshot, delta, decision, trips, alarms, state, locked. */
export function listen(on) {
  let source = null;
  let heard = 0;
  let asked = Date.now(); // 0 while the person has to log in first
  let retryMs = 1000;
  let retry = 0;
  let state = "";

  const tell = (next) => {
    if (next !== state) on.state((state = next), heard);
  };
  const take = (kind) => (event) => {
    heard = Date.now();
    retryMs = 1000;
    on[kind](JSON.parse(event.data));
    tell("live");
  };

  async function connect() {
    clearTimeout(retry);
    source?.close();
    try {
      const session = await ask("GET", "/api/v1/session");
      on.session(session);
      if (session.login_to_read && !session.signed_in) {
        asked = 0;
        return on.locked();
      }
    } catch {
      return again();
    }
    source = new EventSource("/api/v1/events");
    for (const kind of ["snapshot", "delta", "decision", "trips", "alarms"]) {
      source.addEventListener(kind, take(kind));
    }
    source.onerror = again;
  }

  function again() {
    source?.close();
    clearTimeout(retry);
    retry = setTimeout(connect, retryMs);
    retryMs = Math.min(RETRY_MAX_MS, retryMs * 1.6);
  }

  setInterval(() => {
    if (!heard && asked && Date.now() - asked > FIRST_MS) tell("lost");
    if (heard && Date.now() - heard > SILENT_MS) {
      tell("lost");
      if (source && Date.now() - heard > 4 * SILENT_MS) again();
    }
  }, 500);
  connect();
  return connect;
}
