// api: the gateway's own API, asked as whoever the session is.

/** An answer that was none: what to say to a person, and the HTTP status (0: nobody answered). */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let session = null;

export const caller = () => session;
export const may = (role) => ["read", "operate", "admin"].indexOf(session?.role) >= ["read", "operate", "admin"].indexOf(role);

async function read(answer) {
  let body = null;
  try {
    body = await answer.json();
  } catch {
    body = null;
  }
  if (answer.ok && body !== null) return body;
  const wait = answer.headers.get("Retry-After");
  const said = body?.error ?? `the gateway answered ${answer.status}, and no sentence with it`;
  throw new Refusal(answer.status, `${said[0].toUpperCase()}${said.slice(1)}${/[.!?]$/.test(said) ? "" : "."}` +
    (wait ? ` Try again in ${wait} seconds.` : ""));
}

async function send(method, path, { body, headers, signal } = {}) {
  const fields = { ...headers };
  if (body !== undefined) fields["Content-Type"] = "application/json";
  if (method !== "GET" && session?.csrf) fields["X-CSRF-Token"] = session.csrf;
  let answer;
  try {
    answer = await fetch(path, { method, headers: fields, signal, credentials: "same-origin", cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The gateway does not answer: it is stopping or restarting, or the way to it is cut.");
  }
  return read(answer);
}

/** A change is sent once more where the gateway was started anew, and wants another X-CSRF-Token: it refused the first. */
async function call(method, path, options) {
  const shown = session?.csrf;
  try {
    return await send(method, path, options);
  } catch (refusal) {
    if (refusal.status !== 403 || method === "GET" || !shown || !(await findSession()) || session.csrf === shown) throw refusal;
    return send(method, path, options);
  }
}

/** path: segments and parameters, each escaped here. */
export function path(segments, parameters = {}) {
  const query = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
  return "/" + segments.map(encodeURIComponent).join("/") + (query ? "?" + query : "");
}

export const get = (segments, parameters, signal) => call("GET", path(segments, parameters), { signal });
export const post = (segments, body, parameters) => call("POST", path(segments, parameters), { body });

/** Who we are; null: nobody yet. */
export async function findSession() {
  try {
    session = await call("GET", "/session");
  } catch (refusal) {
    if (refusal.status !== 401) throw refusal;
    session = null;
  }
  return session;
}

export async function signIn(token) {
  session = await call("POST", "/session", { headers: { Authorization: `Bearer ${token}` } });
  return session;
}

export async function signOut() {
  await call("DELETE", "/session");
  session = null;
}

export function forgetSession() {
  session = null;
}
