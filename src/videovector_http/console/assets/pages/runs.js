// Every run, newest first.

import { get } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { ago, count } from "../format.js";
import { empty, head, link, load, pill, skeletons, table } from "../parts.js";
import { href } from "../router.js";

export default async function page({ main, signal }) {
  const place = h("div", {});
  fill(main, head("Runs", { lead: "Each is one prompt over some media. An unchanged run calls no model twice." }), place);
  await load(place, () => get("/prompt-runs", { limit: 200 }, { signal }), shown, { waits: skeletons(8), signal });
}

const shown = (runs) =>
  runs.length
    ? table("Runs", COLUMNS, runs)
    : empty("runs", "No run yet", "Open an index, upload something and run a prompt over it.", h("a", { class: "button primary", href: href("/") }, icon("indexes"), "Go to the indexes"));

const COLUMNS = [
  ["Prompt", (run) => link(run.prompt_name, `/runs/${run.run_id}`)],
  ["State", (run) => pill(run.status)],
  ["Media", (run) => count(run.total_videos + run.total_audios + run.total_images), "num"],
  ["Segments", (run) => `${count(run.completed_segments)} / ${count(run.total_segments)}`, "num"],
  ["Model", (run) => run.processing_model ?? "–"],
  ["Started", (run) => h("time", { datetime: run.executed_at }, ago(run.executed_at))],
];
