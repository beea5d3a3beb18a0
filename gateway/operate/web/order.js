// order: one order: what it is, why it is where it is, what can be done, and its whole story.
import { get, may, post } from "./api.js";
import { badge, el, empty, facts, names, section, table } from "./dom.js";
import { confirm, say } from "./page.js";
import { at, clockTime, dateText, distance, plural, when, wholeTime, zoneName } from "./words.js";

const RETRIED = ["held", "prepared", "published", "submitted", "blocked", "cancelling"];
const ENDED = ["collected", "refused", "dead"], EVERY_MS = 3000;
// How long after its end something may still come: a push, the client that fetches its certificate.
const LATE_MS = 60000;

/** Takes the order's next step now, where that makes sense and may be; done() is called when it was. */
export function retryButton(order, state, done, more = {}) {
  if (!may("operate") || !RETRIED.includes(state)) return null;
  return actionButton(more.title ?? "Retry", async () => {
    await post(["orders", order, "retry"], undefined, more.skip ? { skip_preflight: 1 } : {});
    say("Its next step is taken now.");
    done();
  }, more);
}

/** A button that is off while its work lasts; what goes wrong is said. */
export function actionButton(title, work, { kind, question } = {}) {
  const button = el("button", { type: "button", class: kind ?? null, onclick: async () => {
    if (question && !(await confirm(title, question))) return;
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      say(error.message, true);
    } finally {
      button.disabled = false;
    }
  } }, title);
  return button;
}

// ---- what it is ----

const WHO = { client: "Client", control: "Domain control", sectigo: "Sectigo", push: "Push", operator: "Operator", gateway: "Gateway" };

function problemText(problem) {
  return typeof problem === "string" ? problem : problem?.detail ?? problem?.type ?? null;
}

function reason(order) {
  const text = problemText(order.error) ?? order.issuance?.note;
  if (!text) return null;
  const bad = order.status === "invalid" || ["held", "blocked", "unknown", "dead", "refused"].includes(order.issuance?.state);
  return el("div", { class: bad ? "reason bad" : "reason", role: "note" }, el("strong", null, bad ? "Why it does not go on" : "What is in the way"),
    el("p", null, text));
}

function buttons(order, again) {
  const state = order.issuance?.state, list = [];
  if (order.issuance && !ENDED.includes(state)) {
    list.push(retryButton(order.id, state, again, { kind: "first" }));
    if (["prepared", "published", "held"].includes(state))
      list.push(retryButton(order.id, state, again, { skip: true, title: "Retry without preflight",
        question: "It is sent to Sectigo whatever the gateway's own look at domain control sees. Sectigo then waits until it sees it." }));
    if (may("operate") && order.issuance.payment)
      list.push(actionButton("Have it paid", () => post(["orders", order.id, "authorize"]).then(again),
        { question: "The order waits for its payment. It is paid now, within the limits." }));
    if (may("operate") && state !== "submitting")
      list.push(actionButton("Give up", () => post(["orders", order.id, "drop"]).then((answer) => { say(answer.decided ?? "It is given up."); again(); }),
        { kind: "danger", question: "The client gets no certificate from this order. What was paid is cancelled and refunded where Sectigo does that, else kept for the next order of these names." }));
  } else if (may("operate") && ["pending", "ready"].includes(order.status)) {
    list.push(actionButton("Cancel", () => post(["orders", order.id, "cancel"]).then(again),
      { kind: "danger", question: "The order ends. Nothing was bought for it, and its client is told that the operator did it." }));
  }
  return list.filter(Boolean).length ? el("div", { class: "actions" }, list.filter(Boolean)) : null;
}

function identity(order) {
  const is = order.issuance ?? {};
  return facts([
    ["Names", names(order.names, 100)], ["Policy", order.policy], ["Profile", order.profile],
    ["Client", order.user_agent], ["Account", order.account && el("code", null, order.account)],
    ["Order", el("code", null, order.id)], ["Issuance", is.id && el("code", null, is.id)],
    ["Made by", is.kind], ["Sectigo's order number", is.order_number], ["Certificate ID", is.certificate_id],
    ["Next step", is.due_ms && when(is.due_ms)], ["Failures in a row", is.failures_in_a_row || null],
    ["Serial number", order.serial_number && el("code", null, order.serial_number)],
    ["Valid", order.not_after_ms && [at(order.not_before_ms), " to ", at(order.not_after_ms)]],
    ["Expires", ["pending", "ready"].includes(order.status) ? at(order.expires_ms) : null],
  ]);
}

function authorizations(order) {
  const list = order.authorizations ?? [];
  if (list.length === 0) return empty("It has no authorizations.");
  const wrong = (one) => one.challenges?.map((challenge) => problemText(challenge.error)).filter(Boolean).join(" ");
  return table("Authorizations", [
    { title: "Name", head: true, show: (one) => names([(one.wildcard ? "*." : "") + one.name]), value: (one) => one.name },
    { title: "Status", show: (one) => badge(one.status), value: (one) => one.status },
    { title: "Proved by", show: (one) => one.challenges?.filter((each) => each.status === "valid").map((each) => each.type).join(", ") || "–" },
    { title: "Until", show: (one) => at(one.expires_ms), value: (one) => one.expires_ms },
    { title: "What was wrong", wide: true, show: (one) => wrong(one) || "–" },
  ], list);
}

// ---- its story ----

function repeated(event) {
  if (event.times <= 1) return null;
  return el("span", { class: "note" }, ` ${event.times} times, last `, when(event.last_ms));
}

function eventItem(event, day) {
  const told = ["push", "operator"].includes(event.what);
  return [
    day && el("li", { class: "day" }, el("h3", null, day)),
    el("li", { class: `event ${event.who}` },
      el("time", { datetime: new Date(event.time_ms).toISOString(), title: `${wholeTime(event.time_ms)}, ${distance(event.time_ms)}` }, clockTime(event.time_ms)),
      el("span", { class: "who" }, WHO[event.who] ?? event.who),
      el("div", { class: "what" }, told ? event.words : event.what, event.state && [" ", badge(event.state)], repeated(event),
        !told && event.words && el("p", null, event.words))),
  ];
}

function timeline(story) {
  let last = null;
  const items = story.items.map((event) => {
    const day = dateText(event.time_ms), first = day !== last;
    last = day;
    return eventItem(event, first ? day : null);
  });
  return [el("ol", { class: "story" }, items),
    el("p", { class: "note" }, `Times are ${zoneName}. `, story.more ? "Of a long story the beginning and the latest steps are kept." : `${plural(story.items.length, "step")}.`)];
}

/** Asks again every three seconds while it goes on. */
export async function show(view, id) {
  const place = el("div");
  let shown = null, order, ended = 0, asked = 0, drawn = 0;
  async function refresh() {
    const turn = ++asked, [found, story] = await Promise.all([get(["orders", id]), get(["orders", id, "story"])]);
    if (turn < drawn) return; // a later one was answered before
    drawn = turn;
    const text = JSON.stringify([found, story, Math.floor(Date.now() / 60000)]);
    order = found;
    if (text === shown) return;
    shown = text;
    const again = () => view.soon(refresh), focused = place.contains(document.activeElement) ? document.activeElement.textContent : null;
    place.replaceChildren(...[
      el("p", { class: "state", "aria-live": "polite" }, badge(order.status), order.issuance && [" issuance ", badge(order.issuance.state)],
        " changed ", when(order.issuance?.changed_ms ?? order.created_ms)),
      reason(order), buttons(order, again), identity(order),
      section("Story", timeline(story)), section("Authorizations", authorizations(order)),
    ].filter(Boolean));
    if (focused) [...place.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
  }
  await refresh();
  view.every(EVERY_MS, async () => {
    const over = ["valid", "invalid"].includes(order.status);
    ended = over ? ended || Date.now() : 0;
    if (!over || Date.now() - ended < LATE_MS) await refresh();
  });
  return [order.names.join(", "), place];
}
