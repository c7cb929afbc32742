// One media item: it plays, and everything that is known about each of its moments lies under one clock.

import { call, get, here, pages, post } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { ago, clock, span } from "../format.js";
import { onKey } from "../keys.js";
import { button, dialog, empty, gist, head, input, link, pill, problem, select, toast, tree } from "../parts.js";
import { player } from "../player.js";
import { go, href, keep } from "../router.js";
import { timeline } from "../timeline.js";
import { list } from "../virtual.js";
import { runDialog } from "./execute.js";

const MOST = 5000;
const SHOWN = /(on_?screen|screen_?text|ocr|caption|visible_text)/i;

export default async function page({ main, params, query, signal }) {
  const [item, runs] = await Promise.all([get(`/videos/${params.id}`, {}, { signal }), get(`/videos/${params.id}/prompt-runs`, { limit: 50 }, { signal })]);
  const index = query.index ?? runs.find((run) => run.run_context.index_id)?.run_context.index_id;
  const run = runs.find((one) => one.run_id === query.run) ?? runs[0];
  const screen = player().keys(signal);
  const clockwork = timeline();
  const detail = h("div", { class: "stack" });
  const side = h("div", { class: "side" });
  const chosen = select(runs.map((one) => [one.run_id, `${one.prompt_name} · ${ago(one.executed_at)}`]), run?.run_id, { "aria-label": "Run" });
  chosen.addEventListener("change", () => go(`/media/${params.id}`, { ...query, run: chosen.value, t: screen.time.toFixed(1) }, { replace: true }));
  fill(
    main,
    head(item.title, {
      back: index ? link("Index", `/indexes/${index}`) : link("Indexes", "/"),
      lead: [item.media_type, item.duration_seconds && item.media_type !== "image" ? ` · ${clock(item.duration_seconds)}` : "", ` · added ${ago(item.created_at)} `, pill(item.status)],
      actions: [
        runs.length ? chosen : null,
        button("Run a prompt", { sign: "runs", onclick: () => runDialog({ type: "videos", video_ids: [item.video_id] }) }),
        runs.length > 1 ? h("a", { class: "button", href: href(`/media/${item.video_id}/compare`, { a: runs[1].run_id, b: runs[0].run_id }) }, "Compare runs") : null,
        button("", { kind: "danger", sign: "trash", "aria-label": "Delete this media item", onclick: () => remove(item, index) }),
      ],
    }),
    h("div", { class: "watch" }, h("div", { class: "stack" }, screen, item.media_type === "image" ? null : clockwork, detail), side),
  );
  const at = Number(query.t ?? 0);
  screen.open({ uri: item.video_uri, type: item.media_type, title: item.title, at, play: query.play === "1" });
  const view = new View({ item, run, index, screen, clockwork, detail, side, signal, query });
  view.start(at);
}

function remove(item, index) {
  dialog(`Delete ${item.title}?`, h("p", {}, "The file, its segments and every result of it disappear for good."), {
    action: "Delete",
    danger: true,
    act: async () => {
      await call("DELETE", `/videos/${item.video_id}`);
      toast(`${item.title} is being deleted.`);
      go(index ? `/indexes/${index}` : "/");
    },
  });
}

/** The segments of one run beside the player, which follow it and lead it. */
class View {
  constructor(parts) {
    Object.assign(this, parts);
    this.segments = [];
    this.current = -1;
    this.hits = [];
  }

  start(at) {
    const { signal, screen, clockwork, run, item } = this;
    const next = pages(`/videos/${item.video_id}/segments`, { query: run ? { run_id: run.run_id } : {}, signal });
    const scroller = h("div", { class: "segments", tabindex: -1 });
    const notes = h("div", {});
    this.list = list({
      label: "Segments",
      signal,
      scroller,
      height: 78,
      gap: 4,
      next: async () => {
        const more = await next();
        if (more) this.#add(more, at);
        return more;
      },
      make: (segment, place) => this.#row(segment, place),
      onError: (error) => fill(notes, problem(error)),
      onEnd: (number) => number || fill(notes, this.#nothing()),
    });
    scroller.append(this.list);
    fill(this.side, this.#finder(), notes, scroller);
    screen.addEventListener("moved", (event) => this.#follow(event.detail));
    clockwork.addEventListener("seek", (event) => screen.seek(event.detail.at, true));
    onKey("j", () => this.#step(1), signal);
    onKey("k", () => this.#step(-1), signal);
    this.#overall();
  }

  #add(more, at) {
    this.segments.push(...more);
    this.screen.poster(here(this.segments[0]?.thumbnail_uri));
    this.#lanes();
    // the list takes them in as soon as this has returned
    if (this.current < 0) setTimeout(() => this.#follow(at));
  }

  #lanes() {
    const { item, run } = this;
    const all = this.segments.slice(0, MOST);
    const some = (read, kind) => all.map((one) => ({ ...stretch(one), text: read(one), kind })).filter((one) => one.text);
    this.clockwork.show(item.duration_seconds ?? all.at(-1)?.end_time, [
      { name: run?.video_segmentation_type === "smart" && item.media_type === "video" ? "Shots" : "Segments", kind: "segments", stretches: all.map((one) => ({ ...stretch(one), text: gist(one.metadata), picture: item.media_type === "audio" ? null : here(one.thumbnail_uri), kind: one.segment_status === "failed" ? "failed" : "" })) },
      { name: "Speech", kind: "speech", stretches: some((one) => one.metadata?.transcription) },
      { name: "On screen", kind: "shown", stretches: some((one) => onScreen(one.metadata)) },
      { name: "Hits", kind: "hits", stretches: this.hits },
    ]);
    this.clockwork.at(this.screen.time);
  }

  #row(segment, place) {
    const open = () => this.#play(place);
    const image = here(segment.thumbnail_uri);
    const text = segment.segment_status === "failed" ? segment.failure_message : gist(segment.metadata) || segment.metadata?.transcription;
    const row = h(
      "div",
      {},
      h(
        "button",
        { type: "button", class: "segment", onclick: open, "data-plays": true, "data-start": segment.start_time },
        image && this.item.media_type !== "audio" ? h("img", { src: image, alt: "", loading: "lazy" }) : h("span", { class: "blank" }, icon(this.item.media_type)),
        h("span", { class: "grow" }, this.item.media_type === "image" ? null : h("time", {}, span(segment.start_time, segment.end_time)), segment.segment_status === "failed" ? [" ", pill("failed")] : null, h("p", {}, text ?? "")),
      ),
    );
    return row;
  }

  #play(place) {
    const segment = this.segments[place];
    if (!segment) return;
    this.#mark(place);
    this.screen.seek(segment.start_time, true);
  }

  #step(by) {
    this.#play(Math.max(0, Math.min(this.segments.length - 1, this.current + by)));
  }

  #follow(at) {
    this.clockwork.at(at ?? 0);
    keep({ t: at ? at.toFixed(1) : null, play: null });
    const place = this.segments.findIndex((one) => at >= one.start_time - 0.01 && at < one.end_time - 0.01);
    if (place >= 0 && place !== this.current) this.#mark(place);
  }

  #mark(place) {
    this.current = place;
    this.list.select(place);
    const segment = this.segments[place];
    fill(
      this.detail,
      h(
        "section",
        { class: "card", "aria-live": "off" },
        h("h2", {}, this.item.media_type === "image" ? "What is known of it" : span(segment.start_time, segment.end_time)),
        segment.segment_status === "failed" ? problem({ message: segment.failure_message ?? "This segment failed; retry it on the page of the run.", code: segment.failure_stage }) : null,
        segment.metadata ? tree(segment.metadata) : h("p", { class: "fine" }, "No result for this segment yet."),
        segment.processing_warning ? h("p", { class: "fine" }, segment.processing_warning) : null,
      ),
      this.whole,
    );
  }

  /** What the run concluded about the whole item. */
  async #overall() {
    const { run, item, signal } = this;
    if (!run?.video_level_enabled) return;
    const found = await get(`/prompt-runs/${run.run_id}/videos/${item.video_id}/video-result`, {}, { signal }).catch(() => null);
    if (!found?.metadata) return;
    this.whole = h("section", { class: "card" }, h("h2", {}, "The whole"), tree(found.metadata));
    this.detail.append(this.whole);
  }

  #nothing() {
    const { item } = this;
    return empty("runs", "No segments yet", "Run a prompt: the media is cut into segments, and each is described, transcribed and made searchable.", button("Run a prompt", { kind: "primary", sign: "runs", onclick: () => runDialog({ type: "videos", video_ids: [item.video_id] }) }));
  }

  /** A search inside this item, whose hits become a lane. */
  #finder() {
    if (!this.index || this.item.media_type === "image") return null;
    const wordsIn = input({ type: "search", placeholder: "Find in this one", "aria-label": "Find in this media item", value: this.query.q ?? "" });
    const note = h("p", { class: "fine", role: "status" });
    const find = async (goes = true) => {
      keep({ q: wordsIn.value });
      if (!wordsIn.value.trim()) return (this.hits = []), fill(note), this.#lanes();
      try {
        const hits = await post(`/indexes/${this.index}/search`, { query: wordsIn.value, top_k: 20, video_ids: [this.item.video_id] }, { signal: this.signal });
        this.hits = hits.filter((one) => one.start_time !== null).map((one) => ({ start: one.start_time, end: one.end_time, id: one.result_id, text: `${Math.round((one.similarity_score ?? 0) * 100)} %` }));
        fill(note, this.hits.length ? `${this.hits.length} moments, best at ${clock(this.hits[0].start)}` : "Nothing found. Try other words.");
        if (this.hits.length && goes) this.screen.seek(this.hits[0].start, true);
        this.#lanes();
      } catch (error) {
        fill(note, error.message);
      }
    };
    if (wordsIn.value) find(!this.query.t);
    const form = h("form", { class: "stack" }, wordsIn, note);
    form.addEventListener("submit", (event) => (event.preventDefault(), find()));
    return form;
  }
}

const stretch = (segment) => ({ id: segment.segment_id, start: segment.start_time, end: segment.end_time });

function onScreen(metadata) {
  const found = Object.entries(metadata ?? {}).filter(([name]) => SHOWN.test(name));
  return found.map(([, value]) => [value].flat().filter((one) => typeof one === "string").join(" · ")).join(" · ");
}
