// page: the frame around the views: who is signed in, which view is shown, what is said, and the keys.
import { Refusal, caller, findSession, forgetSession, signIn, signOut } from "./api.js";
import { el, facts } from "./dom.js";

const ROOMS = [["now", "Now", "n"], ["orders", "Orders", "o"], ["expiry", "Expiry", "e"], ["figures", "Figures", "f"], ["access", "Access", "a"]];
const VIEWS = {
  now: () => import("./now.js"), orders: () => import("./orders.js"), order: () => import("./order.js"),
  expiry: () => import("./expiry.js"), figures: () => import("./figures.js"), access: () => import("./access.js"),
};
const SAID_MS = 8000;

const main = document.getElementById("main"), rooms = document.getElementById("rooms"), who = document.getElementById("who");
const said = document.getElementById("said"), dialog = document.getElementById("ask");
let view = null, saying = 0, arrived = false;

// ---- what is said ----

/** A sentence at the top; what went wrong stays until it is closed or the view is left. */
export function say(sentence, wrong = false) {
  clearTimeout(saying);
  said.className = wrong ? "bad" : "good";
  said.replaceChildren(sentence, el("button", { type: "button", class: "quiet", onclick: hush }, "Close"));
  said.hidden = false;
  if (!wrong) saying = setTimeout(hush, SAID_MS);
}

function hush() {
  said.hidden = true;
  said.replaceChildren();
}

// ---- dialogs ----

function open(title, ...content) {
  const back = document.activeElement;
  dialog.replaceChildren(el("h2", { id: "ask-title" }, title), ...content);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    const answer = dialog.returnValue;
    dialog.replaceChildren();
    dialog.returnValue = "";
    if (back?.isConnected) back.focus();
    resolve(answer);
  }, { once: true }));
}

/** Whether the operator wants it. */
export async function confirm(title, question) {
  const answer = await open(`${title}?`, el("p", null, question),
    el("form", { method: "dialog", class: "actions" }, el("button", { value: "yes", class: "first" }, title), el("button", { value: "", autofocus: true }, "Not now")));
  return answer === "yes";
}

/** What is shown once, with a button that copies each. */
export function reveal(title, pairs, sentence) {
  const copy = (text) => el("button", { type: "button", class: "quiet", onclick: (event) => {
    navigator.clipboard?.writeText(text).then(() => { event.target.textContent = "Copied"; }, () => {});
  } }, "Copy");
  return open(title, facts(pairs.map(([label, text]) => [label, [el("code", null, text), " ", copy(text)]])), el("p", null, sentence),
    el("form", { method: "dialog", class: "actions" }, el("button", { class: "first" }, "I have it")));
}

function help() {
  const keys = [...ROOMS.map(([, title, key]) => [["g", key], title]), [["/"], "Search orders"], [["r"], "Ask again now"], [["?"], "This list"]];
  open("Keys", el("dl", { class: "keys" }, keys.map(([list, title]) => el("div", null, el("dt", null, list.map((key) => el("kbd", null, key))), el("dd", null, title)))),
    el("form", { method: "dialog", class: "actions" }, el("button", { class: "first" }, "Close")));
}

// ---- one view after another ----

/** What a view may ask of the page while it is shown: nothing of it outlives it. */
function makeView() {
  const controller = new AbortController(), timers = [];
  const self = {
    signal: controller.signal,
    refresh: null,
    go: (hash) => { if (location.hash === hash) route(); else location.hash = hash; },
    /** Does it, and says what went wrong. */
    attempt: async (work) => {
      try {
        await work();
      } catch (error) {
        self.failed(error);
      }
    },
    every: (ms, work) => {
      if (controller.signal.aborted) return;
      self.refresh = work;
      timers.push(setInterval(() => document.visibilityState === "visible" && self.attempt(work), ms));
    },
    /** Now, and again a little later: what was asked for takes a moment. */
    soon: (work) => controller.signal.aborted || [0, 400, 1500].forEach((ms) => timers.push(setTimeout(() => self.attempt(work), ms))),
    failed: (error) => {
      if (self !== view || error.name === "AbortError") return;
      if (error instanceof Refusal && error.status === 401) {
        forgetSession();
        showSignIn(error.message);
      } else {
        say(error.message, true);
      }
    },
    end: () => {
      controller.abort();
      timers.forEach(clearTimeout); // ends intervals as well
    },
  };
  return self;
}

function showTitle(title, content) {
  document.title = `${title} – acmegate`;
  main.replaceChildren(el("h1", { tabindex: "-1" }, title), ...content.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
}

function showWrong(error) {
  const found = error instanceof Refusal ? error.message : `The page failed: ${error.message}.`;
  showTitle("That did not work", [el("p", { class: "reason bad", role: "alert" }, found),
    el("p", null, el("button", { type: "button", class: "first", onclick: route }, "Try again"))]);
}

function markRoom(name) {
  const room = name === "order" ? "orders" : name;
  for (const link of rooms.querySelectorAll("a")) {
    if (link.hash === `#/${room}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** The view's name, what stands behind it, and its parameters; Now, where it names none or cannot be read. */
function readHash() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  try {
    const [name, ...rest] = path.split("/").map(decodeURIComponent);
    return Object.hasOwn(VIEWS, name) ? [name, ...rest, ...(query ? [query] : [])] : ["now"];
  } catch {
    return ["now"];
  }
}

async function route() {
  if (!caller()) return;
  const [wanted, ...rest] = readHash();
  view?.end();
  const mine = (view = makeView());
  hush();
  markRoom(wanted);
  main.setAttribute("aria-busy", "true");
  try {
    const { show } = await VIEWS[wanted]();
    const [title, ...content] = await show(mine, ...rest);
    if (mine !== view) return;
    showTitle(title, content);
    if (arrived) main.querySelector("h1").focus({ preventScroll: true }); // the first time the page begins at its beginning
    arrived = true;
    scrollTo(0, 0);
  } catch (error) {
    if (mine !== view || error.name === "AbortError") return;
    if (error instanceof Refusal && error.status === 401) mine.failed(error);
    else showWrong(error);
  } finally {
    if (mine === view) main.removeAttribute("aria-busy");
  }
}

// ---- who is signed in ----

function showSignIn(sentence) {
  view?.end();
  view = null;
  rooms.hidden = who.hidden = arrived = true;
  const failed = el("p", { class: "reason bad", role: "alert", id: "token-wrong", hidden: !sentence }, sentence ?? "");
  const input = el("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "token-hint token-wrong" });
  const button = el("button", { class: "first" }, "Sign in");
  const form = el("form", { class: "sign-in", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    failed.hidden = true;
    try {
      await signIn(input.value.trim());
      begin();
    } catch (error) {
      failed.textContent = error.message;
      failed.hidden = false;
      input.select();
    } finally {
      button.disabled = false;
    }
  } }, el("label", { for: "token" }, "Token"), input, failed, button,
  el("p", { class: "note", id: "token-hint" }, "Made on the gateway's machine by ", el("code", null, "acmegatectl token create --role read"),
    " (or operate). The browser keeps a session and not the token."));
  showTitle("Sign in", [form]);
  input.focus();
}

function begin() {
  const { name, role, by } = caller();
  rooms.replaceChildren(...ROOMS.map(([room, title, key]) => el("a", { href: `#/${room}`, title: `g ${key}` }, title)));
  who.replaceChildren(el("span", null, name, " ", el("span", { class: "note" }, role)),
    ...(by === "session" ? [el("button", { type: "button", class: "quiet", onclick: leave }, "Sign out")] : []));
  rooms.hidden = who.hidden = false;
  route();
}

async function leave() {
  try {
    await signOut();
    showSignIn();
  } catch (error) {
    say(error.message, true);
  }
}

// ---- keys ----

let before = null;

function isTyping(target) {
  return target instanceof Element && target.closest("input, select, textarea, dialog[open]") !== null;
}

async function search() {
  if (!location.hash.startsWith("#/orders")) {
    location.hash = "#/orders";
    await new Promise((resolve) => new MutationObserver((_, observer) => {
      if (!document.getElementById("search")) return;
      observer.disconnect();
      resolve();
    }).observe(main, { childList: true, subtree: true }));
  }
  document.getElementById("search")?.select();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !caller()) return;
  const room = before === "g" && ROOMS.find(([, , key]) => key === event.key);
  before = event.key;
  if (room) location.hash = `#/${room[0]}`;
  else if (event.key === "/") search();
  else if (event.key === "?") help();
  else if (event.key === "r") (view?.refresh ? view.attempt(view.refresh) : route());
  else return;
  before = null;
  event.preventDefault();
}

// ---- the beginning ----

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", route);
addEventListener("keydown", onKey);
try {
  if (await findSession()) begin();
  else showSignIn();
} catch (error) {
  showWrong(error);
}
