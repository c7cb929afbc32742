// One webhook, and everything that was sent to it.

import { call, get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, count, moment } from "../format.js";
import { attempt, button, dialog, empty, facts, head, link, load, pill, problem, secret, skeletons, table, toast } from "../parts.js";
import { go, render } from "../router.js";

export default async function page({ main, params, signal }) {
  const path = `/webhooks/${params.id}`;
  const one = await get(path, {}, { signal });
  const place = h("div", { class: "stack" });
  const shown = () => deliveries(path, place, signal);
  const test = button("Send a test", { sign: "play", onclick: () => attempt(async () => {
    const said = await post(`${path}/test`);
    toast(said.success ? `It answered ${said.status_code}.` : `The test failed: ${said.error ?? `it answered ${said.status_code}`}.`, { error: !said.success });
    shown();
  }, test) });
  const pause = button(one.status === "active" ? "Pause" : "Resume", { onclick: () => attempt(async () => (await call("PATCH", path, { body: { status: one.status === "active" ? "paused" : "active" } }), render()), pause) });
  const rotate = () => dialog("Rotate the secret?", h("p", {}, "Messages are signed with the new one from now on."), { action: "Rotate", act: async () => secret("The new secret", "Copy it now; it is not shown again.", (await post(`${path}/rotate-secret`)).new_secret) });
  const remove = () => dialog(`Delete ${one.name}?`, h("p", {}, "Nothing is sent to it any more."), { action: "Delete", danger: true, act: async () => (await call("DELETE", path), go("/webhooks")) });
  fill(
    main,
    head(one.name, { back: link("Webhooks", "/webhooks"), lead: h("code", {}, one.url), actions: [test, pause, button("Rotate the secret", { onclick: rotate }), button("Delete", { kind: "danger", sign: "trash", onclick: remove })] }),
    h("div", { class: "stack" }, h("section", { class: "card" }, facts([["State", pill(one.status)], ["Failures in a row", count(one.failure_count)], ["Last delivered", ago(one.last_success_at)], ["Last failed", ago(one.last_failure_at)], ["Made", moment(one.created_at)]]), h("ul", { class: "chips", "aria-label": "Events" }, one.events.map((name) => h("li", {}, name)))), h("h2", {}, "Deliveries"), place),
  );
  await shown();
}

function deliveries(path, place, signal) {
  const again = () => deliveries(path, place, signal);
  return load(place, () => get(`${path}/deliveries`, { limit: 100 }, { signal }), (found) => (found?.length ? table("Deliveries", columns(again), found) : empty("webhooks", "Nothing was sent yet", "Send a test, or wait for something to happen.")), { waits: skeletons(4), signal });
}

const columns = (again) => [
  ["Event", (one) => one.event_type],
  ["State", (one) => pill(one.status)],
  ["Answer", (one) => one.response_status_code ?? one.error_message ?? "–"],
  ["Attempts", (one) => count(one.attempts), "num"],
  ["When", (one) => ago(one.created_at)],
  ["Next", (one) => (one.next_retry_at ? ago(one.next_retry_at) : "–")],
  ["", (one) => h("div", { class: "row" }, button("Look", { kind: "small", "aria-label": `Look at ${one.event_type}`, onclick: () => look(one) }), one.status === "failed" ? resend(one, again) : null)],
];

function resend(one, again) {
  const sends = button("Send again", { kind: "small", "aria-label": `Send ${one.event_type} again`, onclick: () => attempt(async () => (await post(`/webhooks/deliveries/${one.delivery_id}/retry`), again()), sends) });
  return sends;
}

async function look(row) {
  const one = await get(`/webhooks/deliveries/${row.delivery_id}`).catch(() => row);
  dialog(one.event_type, h("div", { class: "stack" }, facts([["Answer", one.response_status_code], ["Attempts", count(one.attempts)], ["Last", moment(one.last_attempt_at)]]), one.error_message ? problem({ message: one.error_message }) : null, h("h3", {}, "Sent"), h("pre", { tabindex: 0 }, JSON.stringify(one.payload, null, 2)), one.response_body ? [h("h3", {}, "Answered"), h("pre", { tabindex: 0 }, one.response_body)] : null));
}
