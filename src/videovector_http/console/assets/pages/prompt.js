// One prompt: what is asked, the shape of the answer, and a trial before it is used.

import { call, get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { attempt, button, checkbox, dialog, field, head, input, link, pill, problem, select, toast } from "../parts.js";
import { go } from "../router.js";
import { runDialog } from "./execute.js";
import { SchemaEditor, sample } from "./schema.js";

const BLANK = {
  name: "",
  description: "",
  prompt_text: "For this segment, write down what happens, who can be seen and what is said.",
  json_schema: { type: "object", properties: { headline: { type: "string", description: "What happens, in one sentence" } } },
};
const PAUSE = 350;

export default async function page({ main, params, signal }) {
  const isNew = params.id === "new";
  const prompt = isNew ? BLANK : await get(`/prompts/${params.id}`, {}, { signal });
  const own = prompt.user_id !== "system";
  const name = input({ value: prompt.name, required: true, minlength: 3, maxlength: 100, placeholder: "Scene extractor" });
  const about = input({ value: prompt.description, maxlength: 500 });
  const text = h("textarea", { rows: 6, maxlength: 5000, required: true, value: prompt.prompt_text });
  const trial = h("textarea", { class: "code", rows: 8, spellcheck: "false" });
  const verdict = h("div", { "aria-live": "polite" });
  const level = wholeEditor(prompt.video_level);
  let timer = 0;
  const tryIt = () => {
    clearTimeout(timer);
    timer = setTimeout(() => test(editor, trial, verdict, signal), PAUSE);
  };
  const editor = new SchemaEditor(prompt.json_schema, tryIt);
  trial.value = JSON.stringify(sample(prompt.json_schema), null, 2);
  trial.addEventListener("input", tryIt);
  const save = button(isNew ? "Create" : "Save", { kind: "primary", onclick: () => attempt(store, save) });
  const store = async () => {
    if (editor.problem) throw new Error(editor.problem);
    const body = { name: name.value, description: about.value, prompt_text: text.value, json_schema: editor.value, ...level.read(!isNew) };
    const kept = isNew ? await post("/prompts", body) : await call("PUT", `/prompts/${params.id}`, { body });
    toast(`${kept.name} is saved.`);
    if (isNew) go(`/prompts/${kept.prompt_id}`, {}, { replace: true });
  };
  fill(
    main,
    head(isNew ? "New prompt" : prompt.name, {
      back: link("Prompts", "/prompts"),
      lead: own ? null : pill("built", "built in; copy it to change it"),
      actions: [
        isNew ? button("Draft it for me", { sign: "prompts", onclick: () => draft({ name, about, text, editor, trial }) }) : null,
        isNew ? null : button("Try on one clip", { sign: "play", onclick: () => clip(params.id) }),
        isNew ? null : button("Copy", { sign: "copy", onclick: (event) => attempt(() => copy(prompt), event.currentTarget) }),
        isNew || !own ? null : button("Delete", { kind: "danger", sign: "trash", onclick: () => remove(prompt) }),
        own ? save : null,
      ],
    }),
    h(
      "div",
      { class: "stack" },
      h("section", { class: "card form" }, h("div", { class: "pair" }, field("Name", name), field("Description", about)), field("What to write down", text, "It is asked about every segment, together with its frames, speech and on-screen text.")),
      h("section", { class: "card" }, h("h2", {}, "Shape of the answer"), editor.element),
      h("section", { class: "card" }, h("h2", {}, "Try the shape"), h("div", { class: "two" }, field("An answer", trial), verdict)),
      level.element,
    ),
  );
  tryIt();
}

async function test(editor, trial, verdict, signal) {
  let data;
  try {
    if (editor.problem) throw new Error(editor.problem);
    data = JSON.parse(trial.value);
  } catch (error) {
    return fill(verdict, problem({ message: error.message.startsWith("This") ? error.message : `The answer is no JSON: ${error.message}.` }));
  }
  try {
    const found = await post("/prompts/test-schema", { json_schema: editor.value, sample_data: data }, { signal });
    fill(verdict, found.valid ? [pill("ok", "fits"), h("p", { class: "fine" }, found.message)] : problem({ message: found.error ?? found.message }));
  } catch (error) {
    if (error.name !== "AbortError") fill(verdict, problem(error));
  }
}

/** The synthesis over a whole media item, which is optional. */
function wholeEditor(given) {
  const [label, on] = checkbox("Also conclude something about each media item as a whole", Boolean(given));
  const text = h("textarea", { rows: 3, value: given?.instructions_text ?? "Summarize the whole from what was written down about its segments." });
  const fields = input({ value: (given?.included_segment_fields ?? ["transcription"]).join(", ") });
  const schema = h("textarea", { class: "code", rows: 7, spellcheck: "false", value: JSON.stringify(given?.json_schema ?? { type: "object", properties: { summary: { type: "string" } } }, null, 2) });
  const form = h("div", { class: "form", hidden: !given }, field("Instructions", text), field("Fields to read", fields, "Paths of the fields above, and transcription or metadata_text."), field("JSON Schema", schema));
  on.addEventListener("change", () => (form.hidden = !on.checked));
  const read = (exists) =>
    on.checked
      ? { video_level: { instructions_text: text.value, json_schema: JSON.parse(schema.value), included_segment_fields: fields.value.split(",").map((one) => one.trim()).filter(Boolean) } }
      : exists && given
        ? { clear_video_level: true }
        : {};
  return { element: h("section", { class: "card form" }, label, form), read };
}

/** A run over one media item, to see what a prompt yields before it is used on many. */
async function clip(promptId) {
  await attempt(async () => {
    const indexes = await get("/indexes");
    const lists = await Promise.all([...indexes.slice(0, 10).map((one) => get(`/indexes/${one.index_id}/videos`, { limit: 20 })), get("/playground/videos", { limit: 20 })]);
    const items = lists.flatMap((page) => page.data);
    if (!items.length) throw new Error("There is no media yet. Upload a clip to an index first.");
    const which = select(items.map((one) => [one.video_id, one.title]), items[0].video_id);
    dialog("Try on one clip", field("Media item", which), {
      action: "Next",
      act: async () => {
        await runDialog({ type: "videos", video_ids: [which.value] }, { promptId });
      },
    });
  });
}

async function copy(prompt) {
  const { description, prompt_text, json_schema, video_level, semantic_indexing } = prompt;
  const made = await post("/prompts", { name: `${prompt.name} copy`.slice(0, 100), description, prompt_text, json_schema, semantic_indexing, ...(video_level ? { video_level } : {}) });
  go(`/prompts/${made.prompt_id}`);
}

function remove(prompt) {
  dialog(`Delete ${prompt.name}?`, h("p", {}, "Runs that used it keep their results."), {
    action: "Delete",
    danger: true,
    act: async () => {
      await call("DELETE", `/prompts/${prompt.prompt_id}`);
      go("/prompts");
    },
  });
}

function draft({ name, about, text, editor, trial }) {
  const wish = h("textarea", { rows: 4, required: true, placeholder: "Who speaks, where, and in what mood?" });
  dialog("Draft a prompt", field("What do you want to know?", wish, "A model writes a draft; nothing is saved."), {
    action: "Draft",
    act: async () => {
      const made = await post("/prompts/generate", { instruction: wish.value });
      name.value = made.name ?? name.value;
      about.value = made.description ?? about.value;
      text.value = made.prompt_text ?? text.value;
      if (made.json_schema) {
        editor.text.value = JSON.stringify(made.json_schema, null, 2);
        editor.text.dispatchEvent(new Event("input"));
        trial.value = JSON.stringify(sample(made.json_schema), null, 2);
      }
    },
  });
}
