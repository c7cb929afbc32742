// Every prompt that the caller may use.

import { get } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { ago, count } from "../format.js";
import { empty, head, link, load, pill, skeletons, table } from "../parts.js";
import { href } from "../router.js";

export default async function page({ main, signal }) {
  const place = h("div", {});
  const create = () => h("a", { class: "button primary", href: href("/prompts/new") }, icon("plus"), "New prompt");
  fill(main, head("Prompts", { lead: "What to write down about every segment, and in which shape.", actions: [create()] }), place);
  await load(
    place,
    () => get("/prompts", {}, { signal }),
    ({ prompts }) => (prompts.length ? table("Prompts", COLUMNS, prompts) : empty("prompts", "No prompt yet", "Write what you want to know about every segment.", create())),
    { waits: skeletons(6), signal },
  );
}

const COLUMNS = [
  ["Name", (one) => link(one.name, `/prompts/${one.prompt_id}`)],
  ["Fields", (one) => count(Object.keys(one.json_schema.properties ?? {}).length), "num"],
  ["Asks", (one) => h("span", { class: "fine" }, one.description || one.prompt_text.slice(0, 120))],
  ["", (one) => (one.user_id === "system" ? pill("built", "built in") : one.video_level ? pill("level", "media level") : null)],
  ["Made", (one) => ago(one.created_at)],
];
