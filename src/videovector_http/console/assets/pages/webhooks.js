// Who is told about what happens.

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, count } from "../format.js";
import { button, checkbox, dialog, empty, field, head, input, link, load, pill, secret, skeletons, table } from "../parts.js";
import { go } from "../router.js";

export default async function page({ main, signal }) {
  const place = h("div", {});
  const create = () => editor(signal);
  const make = () => button("New webhook", { kind: "primary", sign: "plus", onclick: create });
  fill(main, head("Webhooks", { lead: "A signed message to your server whenever something happens.", actions: [make()] }), place);
  await load(place, () => get("/webhooks", {}, { signal }), (found) => (found.length ? table("Webhooks", COLUMNS, found) : empty("webhooks", "Nobody is told yet", "Make a webhook, and your server hears when runs, imports and exports begin and end.", make())), { waits: skeletons(4), signal });
}

const COLUMNS = [
  ["Name", (one) => link(one.name, `/webhooks/${one.webhook_id}`)],
  ["State", (one) => pill(one.status)],
  ["Sends to", (one) => h("code", {}, one.url)],
  ["Events", (one) => count(one.events.length), "num"],
  ["Failures in a row", (one) => count(one.failure_count), "num"],
  ["Last delivered", (one) => ago(one.last_success_at)],
];

async function editor(signal) {
  const events = await get("/webhooks/events", {}, { signal });
  const name = input({ required: true, maxlength: 100, placeholder: "Review operations" });
  const url = input({ type: "url", required: true, placeholder: "https://example.com/webhooks/videovector" });
  const boxes = events.map((one) => checkbox(one, one === "prompt_run.completed", { value: one }));
  dialog("New webhook", h("div", { class: "form" }, field("Name", name), field("Address", url), h("fieldset", { class: "pair" }, h("legend", {}, "Events"), boxes.map(([label]) => label))), {
    action: "Create",
    act: async () => {
      const made = await post("/webhooks", { name: name.value, url: url.value, events: boxes.filter(([, box]) => box.checked).map(([, box]) => box.value) });
      await go(`/webhooks/${made.webhook_id}`);
      secret("The signing secret", "Your server checks messages with it. Copy it now; it is not shown again.", made.secret);
    },
  });
}
