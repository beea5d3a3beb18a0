// access: policies and external account keys: who may have what.
import { get, may, post } from "./api.js";
import { badge, el, empty, section, table } from "./dom.js";
import { actionButton } from "./order.js";
import { reveal, say } from "./page.js";
import { number, when } from "./words.js";

const words = (text) => text.split(/[\s,]+/).filter(Boolean);

// ---- forms ----

function field(id, label, input, hint) {
  return el("div", { class: "field" }, el("label", { for: id }, label), input, hint && el("p", { class: "note", id: `${id}-hint` }, hint));
}

const text = (id, more = {}) => el("input", { id, type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "none", ...more });

/** A form that is folded away until it is wanted. work(value) gets what stands in the fields by their id. */
function form(title, button, fields, work) {
  const failed = el("p", { class: "reason bad", role: "alert", hidden: true });
  const body = el("form", { onsubmit: async (event) => {
    event.preventDefault();
    const send = body.querySelector("button");
    failed.hidden = send.disabled = true;
    send.disabled = true;
    try {
      await work((id) => body.querySelector(`#${id}`).value.trim());
    } catch (error) {
      failed.textContent = error.message;
      failed.hidden = false;
    } finally {
      send.disabled = false;
    }
  } }, fields, failed, el("button", { class: "first" }, button));
  return el("details", { class: "form" }, el("summary", null, title), body);
}

function members(value) {
  const wanted = { names: words(value("policy-names")), validation: value("policy-validation"), profiles: words(value("policy-profiles")) };
  const most = value("policy-purchases");
  if (most) wanted.purchases_per_day = Number(most);
  return wanted;
}

function policyForm(again) {
  return form("New policy", "Create the policy", [
    field("policy-name", "Name", text("policy-name", { required: true, maxlength: 64 })),
    field("policy-names", "Names that it allows", text("policy-names", { "aria-describedby": "policy-names-hint", placeholder: ".shop.example.org www.example.org" }),
      "With blanks between them. A dot in front stands for everything below."),
    field("policy-validation", "How clients prove control", el("select", { id: "policy-validation" }, el("option", { value: "acme" }, "by challenges (acme)"),
      el("option", { value: "trusted" }, "not at all (trusted): whoever has a key of it gets these names"))),
    field("policy-profiles", "Profiles", text("policy-profiles", { "aria-describedby": "policy-profiles-hint" }), "Of the configuration. Empty: all of them."),
    field("policy-purchases", "Purchases a day, at most", el("input", { id: "policy-purchases", type: "number", min: 1, max: 1000000, inputmode: "numeric", "aria-describedby": "policy-purchases-hint" }), "Empty: no limit of its own."),
  ], async (value) => {
    await post(["policies", value("policy-name")], members(value));
    say(`Policy ${value("policy-name")} is made.`);
    await again();
  });
}

function keyForm(policies, again) {
  const list = policies.filter((policy) => !policy.error);
  if (list.length === 0) return null;
  return form("New external account key", "Make the key", [
    field("key-policy", "Policy", el("select", { id: "key-policy" }, list.map((policy) => el("option", { value: policy.name }, policy.name)))),
    field("key-note", "Note", text("key-note", { maxlength: 200, "aria-describedby": "key-note-hint" }), "For whom it is."),
  ], async (value) => {
    const made = await post(["policies", value("key-policy"), "keys"], value("key-note") ? { note: value("key-note") } : {});
    await again();
    await reveal("The key is shown this once", [["Key ID", made.id], ["HMAC key", made.hmac_key]],
      "Give both to whoever sets up the client. The gateway keeps the HMAC key sealed and never shows it again.");
  });
}

// ---- tables ----

function policyTable(items, again) {
  return table("Policies", [
    { title: "Policy", head: true, show: (one) => one.name ?? one.id, value: (one) => one.name },
    { title: "Names", wide: true, show: (one) => (one.names ?? []).join(", ") || "any", value: (one) => one.names?.[0] },
    { title: "Control", show: (one) => one.validation ?? "–", value: (one) => one.validation },
    { title: "Profiles", show: (one) => (one.profiles ?? []).join(", ") || "all", value: (one) => one.profiles?.[0] },
    { title: "Purchases a day", number: true, show: (one) => (one.purchases_per_day ? number(one.purchases_per_day) : "no limit"), value: (one) => one.purchases_per_day },
    ...(may("operate") ? [{ title: "", show: (one) => one.name && !one.builtin && actionButton("Delete", () => post(["policies", one.name, "delete"]).then(again),
      { kind: "quiet", question: `Policy ${one.name} is deleted. That is refused while a key refers to it.` }) }] : []),
  ], items);
}

function keyTable(items, again) {
  const turn = (one) => actionButton(one.enabled ? "Disable" : "Enable", async () => {
    await post(["keys", one.id, one.enabled ? "disable" : "enable"]);
    say(`Key ${one.id} is ${one.enabled ? "disabled" : "enabled"}.`);
    await again();
  }, { kind: "quiet", question: one.enabled ? `The accounts of key ${one.id} are refused from their next request on, until it is enabled again.` : null });
  return table("External account keys", [
    { title: "Key", head: true, show: (one) => el("code", null, one.id), value: (one) => one.id },
    { title: "State", show: (one) => badge(one.error ? "unreadable" : one.enabled ? "enabled" : "disabled"), value: (one) => one.enabled },
    { title: "Policy", show: (one) => one.policy ?? "–", value: (one) => one.policy },
    { title: "Accounts", number: true, show: (one) => number(one.accounts), value: (one) => one.accounts },
    { title: "Made", show: (one) => when(one.created_ms), value: (one) => one.created_ms },
    { title: "Note", wide: true, show: (one) => one.note || "–", value: (one) => one.note },
    ...(may("operate") ? [{ title: "", show: (one) => !one.error && turn(one) }] : []),
  ], items);
}

function accountTable(items) {
  return table("ACME accounts", [
    { title: "Account", head: true, show: (one) => el("code", null, one.id), value: (one) => one.id },
    { title: "Status", show: (one) => badge(one.status), value: (one) => one.status },
    { title: "Made", show: (one) => when(one.created_ms), value: (one) => one.created_ms },
    { title: "Policy", show: (one) => one.policy || "–", value: (one) => one.policy },
    { title: "Contacts", wide: true, show: (one) => (one.contacts ?? []).join(", ") || "–", value: (one) => one.contacts?.[0] },
  ], items);
}

// ---- the view ----

export async function show(view) {
  const place = el("div");
  async function refresh() {
    const [policies, keys, accounts] = await Promise.all([get(["policies"], { limit: 1000 }), get(["keys"], { limit: 1000 }), get(["accounts"], { limit: 50, newest: 1 })]);
    const again = () => view.attempt(refresh);
    place.replaceChildren(...[
      may("operate") ? null : el("p", { class: "note" }, "You may look here, and change nothing: that takes the role operate."),
      section("Policies", policies.items.length ? policyTable(policies.items, again) : empty("There is no policy yet."), may("operate") && policyForm(again)),
      section("External account keys", keys.items.length ? keyTable(keys.items, again)
        : empty("There is no key yet. A client that shows one gets the names of its policy."), may("operate") && keyForm(policies.items, again)),
      section("Newest accounts", accounts.items.length ? accountTable(accounts.items) : empty("No client has made an account yet."),
        accounts.next && el("p", { class: "note" }, "The 50 newest are shown; acmegatectl account list --all has all.")),
    ].filter(Boolean));
  }
  await refresh();
  return ["Policies and keys", place];
}
