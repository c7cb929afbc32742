// API keys: make, rotate, revoke. Only a signed-in user may; a session that a key opened is told so by the server.

import { call, get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, moment } from "../format.js";
import { button, dialog, empty, field, head, input, load, pill, secret, select, skeletons, table } from "../parts.js";

const SCOPES = [["search", "search"], ["read", "read (and search)"], ["write", "write (and read)"], ["admin", "everything"]];

export default async function page({ main, signal }) {
  const place = h("div", {});
  const shown = () => load(place, () => get("/api-keys", {}, { signal }), (keys) => (keys.length ? list(keys, shown) : empty("keys", "No keys yet", "A key lets a program in. It is shown once, when it is made.", button("New key", { kind: "primary", sign: "plus", onclick: () => create(shown) }))), { waits: skeletons(4), signal });
  fill(main, head("Keys", { lead: "For programs. To manage them here, log in with a token: videovector token", actions: [button("New key", { kind: "primary", sign: "plus", onclick: () => create(shown) })] }), place);
  await shown();
}

const list = (keys, again) =>
  table("API keys", [
    ["Name", (key) => key.name],
    ["Begins with", (key) => h("code", {}, key.key_prefix)],
    ["Scopes", (key) => key.scopes.join(", ")],
    ["State", (key) => (key.is_active ? pill("active") : pill("disabled", key.revoked_at ? "revoked" : "expired"))],
    ["Last used", (key) => ago(key.last_used_at)],
    ["Ends", (key) => (key.expires_at ? moment(key.expires_at) : "never")],
    ["", (key) => actions(key, again)],
  ], keys);

function actions(key, again) {
  const sure = (title, text, act) => dialog(title, h("p", {}, text), { action: title.split(" ")[0], danger: true, act });
  return h(
    "div",
    { class: "row" },
    key.is_active
      ? [
          button("Rotate", { kind: "small", "aria-label": `Rotate ${key.name}`, onclick: () => sure(`Rotate ${key.name}?`, "The old key stops working at once; the new one is shown once.", async () => {
            const made = await post(`/api-keys/${key.key_id}/rotate`);
            again();
            secret("The new key", "Copy it now; it is not shown again.", made.new_key.key);
          }) }),
          button("Revoke", { kind: "small danger", "aria-label": `Revoke ${key.name}`, onclick: () => sure(`Revoke ${key.name}?`, "Programs that use it are refused from now on.", async () => (await post(`/api-keys/${key.key_id}/revoke`), again())) }),
        ]
      : button("Delete", { kind: "small danger", "aria-label": `Delete ${key.name}`, onclick: () => sure(`Delete ${key.name}?`, "It disappears from this list.", async () => (await call("DELETE", `/api-keys/${key.key_id}`), again())) }),
  );
}

function create(again) {
  const name = input({ required: true, maxlength: 100, placeholder: "nightly import" });
  const scope = select(SCOPES, "read");
  const days = input({ type: "number", min: 1, max: 365, placeholder: "never" });
  dialog("New key", h("div", { class: "form" }, field("Name", name), field("May", scope), field("Ends after days", days)), {
    action: "Create",
    act: async () => {
      const made = await post("/api-keys", { name: name.value, scopes: [scope.value], ...(days.value ? { expires_in_days: Number(days.value) } : {}) });
      again();
      secret("The new key", "Copy it now; it is not shown again.", made.key);
    },
  });
}
