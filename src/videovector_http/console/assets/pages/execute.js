// Starts a run: which prompt over which media, how they are cut, and what it will come to.

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { clock, count } from "../format.js";
import { checkbox, dialog, facts, field, input, link, problem, select } from "../parts.js";
import { go } from "../router.js";

const CUTS = [["", "as the prompt says"], ["smart", "by shots"], ["content_aware", "by content"], ["fixed", "equal lengths"]];

/** Asks for everything that a run needs; `target` is that of the API. */
export async function runDialog(target, { promptId } = {}) {
  const [{ prompts }, pricing] = await Promise.all([get("/prompts"), get("/billing/pricing")]);
  const prompt = select(prompts.map((one) => [one.prompt_id, one.name]), promptId ?? prompts[0]?.prompt_id, { name: "prompt" });
  const model = select([["", "the server's default"], ...pricing.processing_model_options.map((one) => [one.value, one.served_by && one.served_by !== one.value ? `${one.label} (${one.served_by})` : one.label])], "");
  const video = select(CUTS, "");
  const seconds = input({ type: "number", min: 1, max: 300, value: 10 });
  const [speech, hears] = checkbox("Transcribe speech", true);
  const [images, sees] = checkbox("Make pictures searchable", true);
  const length = field("Seconds per segment", seconds);
  const expected = h("div", { "aria-live": "polite" });
  const shown = () => (length.hidden = video.value !== "fixed");
  const body = () => ({
    prompt_id: prompt.value,
    target,
    ...(model.value ? { processing_model: model.value } : {}),
    ...(video.value ? { video_segmentation_type: video.value } : {}),
    ...(video.value === "fixed" ? { video_segment_duration: Number(seconds.value) } : {}),
    enable_transcription: hears.checked,
    enable_image_embedding: sees.checked,
  });
  const estimate = async () => {
    try {
      fill(expected, summary(await post("/prompt-runs/estimate", body())));
    } catch (error) {
      fill(expected, problem(error));
    }
  };
  const form = h(
    "div",
    { class: "form" },
    field("Prompt", prompt, h("span", {}, "What to write down about every segment. ", link("See all prompts", "/prompts"))),
    h("div", { class: "pair" }, field("Cut videos", video), length),
    field("Model", model),
    h("div", { class: "row" }, speech, images),
    expected,
  );
  for (const control of [prompt, model, video, seconds, hears, sees]) control.addEventListener("change", () => (shown(), estimate()));
  shown();
  estimate();
  const box = dialog("Run a prompt", form, {
    action: "Start the run",
    act: async () => {
      const run = await post("/prompt-runs/execute", body());
      go(`/runs/${run.run_id}`);
    },
  });
  box.addEventListener("click", (event) => event.target.closest("a") && box.close());
  return box;
}

export function summary({ breakdown, estimated_mt: amount }) {
  const media = Object.entries(breakdown.media ?? {}).filter(([, number]) => number);
  return facts([
    ["Media", media.map(([kind, number]) => count(number, kind)).join(", ") || "none"],
    ["Length", clock(breakdown.total_seconds)],
    ["Segments", `about ${count(breakdown.expected_segments)}`],
    ["Model calls", `about ${count(breakdown.expected_model_calls)}`],
    ["Cost", amount ? `${count(amount)} MT` : "none"],
  ]);
}
