// One run as it happens: progress, what failed and how to retry it, which models were called.

import { follow, get, pages, post } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { ago, clock, count, moment, short, span, words } from "../format.js";
import { attempt, bar, button, dialog, empty, facts, head, link, load, pill, problem, skeletons, table, toast } from "../parts.js";
import { href, keep } from "../router.js";
import { summary } from "./execute.js";

const OVER = new Set(["completed", "completed_with_failures", "failed", "cancelled"]);
const TICKS = 60;

export default async function page({ main, params, query, signal }) {
  const view = new Live(params.id, signal);
  view.run = await get(`/prompt-runs/${params.id}`, {}, { signal });
  const { run } = view;
  const index = run.run_context.index_id;
  const cancel = button("Cancel", { kind: "danger", onclick: () => attempt(async () => view.shown(await post(`/prompt-runs/${run.run_id}/cancel`)), cancel) });
  view.cancel = cancel;
  const panel = h("div", { role: "tabpanel", tabindex: -1 });
  fill(
    main,
    head(run.prompt_name, {
      back: link("Runs", "/runs"),
      lead: `started ${ago(run.executed_at)} with ${run.processing_model ?? "the default model"}`,
      actions: [cancel, index ? h("a", { class: "button", href: href("/search", { index }) }, icon("search"), "Search the results") : null, link("Prompt", `/prompts/${run.prompt_id}`, {}, { class: "button" })],
    }),
    h("div", { class: "stack" }, h("section", { class: "card live", "aria-label": "Progress" }, view.place), h("div", {}, tabs(view, panel, query.tab), panel)),
  );
  view.shown(run);
  view.listen();
}

class Live {
  #due = 0;
  ticks = h("ul", { class: "ticker", tabindex: 0, "aria-label": "Events" });
  place = h("div", { class: "live" });

  constructor(id, signal) {
    this.id = id;
    this.signal = signal;
  }

  /** Follows the event stream; each event asks for the run again, at most every 300 ms. */
  listen() {
    follow({ run_id: this.id }, (event) => (event && this.#tick(event), this.#soon()), this.signal);
  }

  #tick(event) {
    const about = event.payload ?? {};
    const text = event.segment_id ? `${words(event.event_type.replaceAll(".", " "))} · ${short(event.segment_id)}` : words(event.event_type.replaceAll(".", " "));
    this.ticks.prepend(h("li", {}, h("time", { datetime: event.created_at }, event.created_at.slice(11, 19)), h("span", {}, text, about.error_message ? ` · ${about.error_message}` : "")));
    while (this.ticks.children.length > TICKS) this.ticks.lastElementChild.remove();
  }

  #soon() {
    this.#due ||= setTimeout(async () => {
      this.#due = 0;
      if (!this.signal.aborted) this.shown(await get(`/prompt-runs/${this.id}`, {}, { signal: this.signal }).catch(() => this.run));
    }, 300);
  }

  shown(run) {
    const ended = !OVER.has(this.run.status) && OVER.has(run.status);
    this.run = run;
    this.cancel.hidden = OVER.has(run.status);
    const failed = run.field_extraction_failures + run.transcription_failures + run.image_embedding_failures;
    const share = OVER.has(run.status) ? 1 : run.total_segments ? run.completed_segments / run.total_segments : 0;
    const total = run.total_segments || (OVER.has(run.status) ? 0 : "…");
    fill(
      this.place,
      h("div", { class: "row" }, h("span", { class: "big", "data-done": run.completed_segments }, `${count(run.completed_segments)} / ${total}`), h("span", { class: "fine grow" }, "segments"), pill(run.status)),
      bar("Progress of the run", share),
      run.error_message ? problem({ message: run.error_message }) : null,
      facts([
        ["Media", count(run.total_videos + run.total_audios + run.total_images)],
        ["Length", clock(run.total_video_seconds)],
        ["Cut", words(run.video_segmentation_type)],
        ["Failures", count(failed)],
        ["Cost", run.billing_actual_mt ? `${count(run.billing_actual_mt)} MT` : "none"],
      ]),
      this.ticks,
    );
    if (ended) {
      toast(`The run is ${words(run.status)}.`);
      this.onEnd?.();
    }
  }
}

/** What can be looked at; the one that is open stands in the address. */
function tabs(view, panel, chosen = "media") {
  const all = { media: ["Media", media], failures: ["Failed segments", failures], calls: ["Model calls", calls], estimate: ["Estimate and actual", estimate] };
  const buttons = Object.entries(all).map(([name, [title]]) => h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-selected": "false", tabindex: -1, onclick: () => open(name) }, title));
  const open = (name) => {
    keep({ tab: name === "media" ? null : name });
    for (const one of buttons) {
      one.setAttribute("aria-selected", String(one.id === `tab-${name}`));
      one.tabIndex = one.id === `tab-${name}` ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    const place = h("div", { class: "stack" });
    fill(panel, h("p", {}), place);
    load(place, () => all[name][1](view), (found) => found, { waits: skeletons(4), signal: view.signal });
    view.onEnd = () => open(name);
  };
  const line = h("div", { class: "tabs", role: "tablist", "aria-label": "About the run" }, buttons);
  line.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.stopPropagation();
    const at = (buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length;
    buttons[at].focus();
    buttons[at].click();
  });
  open(all[chosen] ? chosen : "media");
  return line;
}

async function media({ run, signal }) {
  const { type, index_id: index, video_ids: ids } = run.run_context;
  const found = ids?.length
    ? await post("/videos/batch", { video_ids: ids.slice(0, 100) }, { signal })
    : await pages(type === "playground" ? "/playground/videos" : `/indexes/${index}/videos`, { signal })();
  const touched = (item) => item.processing_status?.find((one) => one.run_id === run.run_id);
  const rows = (found ?? []).filter(touched);
  if (!rows.length) return empty("runs", "Nothing taken in yet", "The media of this run appear here as soon as work on them begins.");
  return table("Media of the run", [
    ["Title", (item) => link(item.title, `/media/${item.video_id}`, { run: run.run_id, index })],
    ["Kind", (item) => item.media_type],
    ["State", (item) => pill(touched(item).status)],
    ["Done", (item) => `${count(touched(item).successful_segments)} / ${count(touched(item).total_segments)}`, "num"],
    ["Failed", (item) => count(touched(item).failed_segments), "num"],
    ["Length", (item) => clock(item.duration_seconds), "num"],
  ], rows);
}

async function failures(view) {
  const found = await get(`/prompt-runs/${view.id}/failed-segments`, {}, { signal: view.signal });
  const rows = found.videos.flatMap((video) => video.segments.map((segment) => ({ ...segment, video_id: video.video_id })));
  if (!rows.length) return empty("runs", "Nothing failed", "Segments that fail appear here with the reason, and can be retried one by one.");
  return table("Failed segments", [
    ["Where", (one) => link(span(one.start_time, one.end_time), `/media/${one.video_id}`, { run: view.id, t: one.start_time })],
    ["What", (one) => one.failed_operations.map(words).join(", ")],
    ["Why", (one) => [one.failure_message ?? one.field_extraction_error ?? one.transcription_error ?? one.image_embedding_error ?? "–", " ", one.failure_code ? h("code", {}, one.failure_code) : null]],
    ["", (one) => (one.retryable === false ? h("span", { class: "fine" }, "cannot be retried") : retry(view, one))],
  ], rows);
}

function retry(view, segment) {
  const path = `/prompt-runs/${view.id}/videos/${segment.video_id}/segments/${segment.segment_id}`;
  const place = h("span", {});
  const again = button("Retry", { kind: "small", sign: "retry", onclick: () => attempt(start, again) });
  const start = async () => {
    let state = await post(`${path}/retry`);
    while (!["completed", "failed"].includes(state.status) && !view.signal.aborted) {
      fill(place, pill(state.status));
      await new Promise((go) => setTimeout(go, 700));
      state = { ...state, ...(await get(`${path}/retries/${state.retry_id}`, {}, { signal: view.signal })) };
    }
    fill(place, pill(state.status), state.error ? h("span", { class: "fine" }, ` ${state.error} `) : null, state.status === "failed" ? again : null);
  };
  return fill(place, again);
}

async function calls(view) {
  const found = await get(`/prompt-runs/${view.id}/llm-calls`, { limit: 200 }, { signal: view.signal });
  if (!found.length) return empty("prompts", "No model was called", "Everything that this run needed was known already.");
  return table("Model calls", [
    ["Purpose", (one) => words(one.purpose)],
    ["Model", (one) => one.model],
    ["State", (one) => pill(one.status)],
    ["Where", (one) => span(one.segment_start_time, one.segment_end_time)],
    ["Tokens in", (one) => count(one.input_tokens), "num"],
    ["Tokens out", (one) => count(one.output_tokens), "num"],
    ["Took", (one) => (one.duration_ms === null ? "–" : `${count(one.duration_ms)} ms`), "num"],
    ["", (one) => button("Look", { kind: "small", "aria-label": `Look at the call for ${span(one.segment_start_time, one.segment_end_time)}`, onclick: () => look(one) })],
  ], found);
}

function look(one) {
  dialog("Model call", h("div", { class: "stack" }, facts([["Model", one.model], ["When", moment(one.invoked_at)]]), one.error_message ? problem({ message: one.error_message }) : null, h("h3", {}, "Asked"), h("pre", { tabindex: 0 }, one.prompt_text ?? "–"), h("h3", {}, "Answered"), h("pre", { tabindex: 0 }, one.response_text ?? "–")));
}

async function estimate(view) {
  const { run } = view;
  const body = { prompt_id: run.prompt_id, target: run.run_context, enable_transcription: run.enable_transcription, enable_image_embedding: run.enable_image_embedding, video_segmentation_type: run.video_segmentation_type, audio_segmentation_type: run.audio_segmentation_type };
  for (const kind of ["video", "audio"]) if (body[`${kind}_segmentation_type`] === "fixed") body[`${kind}_segment_duration`] = run[`${kind}_segment_duration`];
  const [expected, made] = await Promise.all([post("/prompt-runs/estimate", body, { signal: view.signal }), get(`/prompt-runs/${view.id}/llm-calls`, { limit: 1000 }, { signal: view.signal })]);
  const tokens = made.reduce((sum, one) => sum + one.total_tokens, 0);
  return h("div", { class: "two" },
    h("section", { class: "card" }, h("h2", {}, "Estimate"), summary(expected)),
    h("section", { class: "card" }, h("h2", {}, "Actual"), facts([["Length", clock(run.total_video_seconds)], ["Segments", count(run.completed_segments)], ["Model calls", count(made.length)], ["Tokens", count(tokens)], ["Cost", run.billing_actual_mt ? `${count(run.billing_actual_mt)} MT` : "none"]])));
}
