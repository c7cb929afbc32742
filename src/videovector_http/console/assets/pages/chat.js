// Conversations: an answer as it is found, and citations that play the moment they speak of.

import { call, fresh, frames, get, here } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { ago, clock, span, words } from "../format.js";
import { button, dialog, empty, head, load, picture, pill, problem, select } from "../parts.js";
import { player } from "../player.js";
import { go, href } from "../router.js";

const LABEL = /\[((?:rs\d+:\d+)(?:\s*[,;]\s*rs\d+:\d+)*)\]/g;

export default async function page({ main, params, query, signal }) {
  const [indexes, sessions] = await Promise.all([get("/indexes", {}, { signal }), get("/chat/sessions", { limit: 50 }, { signal })]);
  const screen = player().keys(signal);
  const where = select([["", "All indexes"], ...indexes.map((one) => [one.index_id, one.name])], query.index ?? "", { "aria-label": "Look in" });
  const turns = h("div", { class: "turns", "aria-live": "polite" });
  const about = h("p", { class: "fine" });
  const play = (cite) => {
    fill(about, cite.video_name, lasts(cite) ? ` · ${span(cite.start_time, cite.end_time)}` : "", " ", h("a", { href: href(`/media/${cite.video_id}`, { run: cite.run_id, t: cite.start_time }) }, "Open"));
    cited(cite, screen);
  };
  const entry = (id, title, props = {}) => h("a", { href: href(id ? `/chat/${id}` : "/chat"), "aria-current": id === params.id ? "page" : null, ...props }, title || "Untitled");
  const anew = entry(undefined, "New conversation");
  const side = h("nav", { class: "sessions", "aria-label": "Conversations" }, anew, sessions.data.map((one) => entry(one.session_id, one.title, { title: ago(one.updated_at) })));
  const onBegun = (id, title) => (anew.removeAttribute("aria-current"), anew.after(entry(id, title, { "aria-current": "page" })));
  const talk = new Talk({ id: params.id, turns, play, where, signal, onBegun });
  fill(
    main,
    head("Chat", { lead: "Ask about your media. Every claim names the moment that it rests on.", actions: params.id ? [button("Delete", { kind: "danger", sign: "trash", onclick: () => remove(params.id) })] : [] }),
    h("div", { class: "talk" }, side, h("div", { class: "stack" }, turns, talk.form(where)), h("aside", { class: "dock stack", "aria-label": "Player" }, screen, about)),
  );
  if (!params.id) return fill(turns, empty("chat", "What do you want to know?", "For example: who speaks about failure, and where? The answer cites moments, and a click plays them."));
  await load(turns, () => get(`/chat/sessions/${params.id}`, {}, { signal }), (found) => found.turns.map((turn) => talk.shown(turn)), { signal });
  talk.resume();
}

async function cited(cite, screen) {
  const item = await get(`/videos/${cite.video_id}`).catch(() => ({}));
  screen.open({ uri: item.video_uri ?? cite.segment_uri, link: cite.segment_uri, type: item.media_type, title: cite.video_name ?? "", at: cite.start_time ?? 0, play: true });
}

function remove(id) {
  dialog("Delete this conversation?", h("p", {}, "Its questions and answers disappear."), { action: "Delete", danger: true, act: async () => (await call("DELETE", `/chat/sessions/${id}`), go("/chat")) });
}

class Talk {
  #running = null;

  constructor(parts) {
    Object.assign(this, parts);
  }

  form(where) {
    const text = h("textarea", { rows: 2, maxlength: 8000, required: true, placeholder: "Ask something", "aria-label": "Your question", "data-search": true });
    const send = button("Ask", { kind: "primary", type: "submit", sign: "chat" });
    const form = h("form", { class: "card form" }, text, h("div", { class: "row" }, where, h("span", { class: "grow" }), send));
    text.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && (event.preventDefault(), form.requestSubmit()));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const message = text.value.trim();
      if (!message) return;
      text.value = "";
      send.setAttribute("disabled", "");
      try {
        await this.#ask(message);
      } finally {
        send.removeAttribute("disabled");
      }
    });
    return form;
  }

  async #ask(message) {
    const place = h("article", { class: "stack" }, h("div", { class: "mine" }, message), h("div", { class: "theirs" }, h("p", { class: "fine" }, "thinking")));
    if (!this.id) fill(this.turns);
    this.turns.append(place);
    place.scrollIntoView({ block: "end" });
    try {
      this.id ??= await this.#begun(message);
      const body = { message, ...(this.where.value ? { scope: { index_ids: [this.where.value] } } : {}) };
      const answer = await call("POST", `/chat/sessions/${this.id}/turns/stream`, { body, raw: true, signal: this.signal, key: fresh() });
      await this.#follow(answer, place);
    } catch (error) {
      if (error.name !== "AbortError") place.append(problem(error));
    }
  }

  async #begun(message) {
    const made = await call("POST", "/chat/sessions", { body: {} });
    history.replaceState(null, "", href(`/chat/${made.session_id}`));
    this.onBegun(made.session_id, message);
    return made.session_id;
  }

  /** Shows a turn as its stream tells it. */
  async #follow(answer, place) {
    const steps = new Map();
    for await (const frame of frames(answer)) {
      if (!frame.data) continue;
      const told = JSON.parse(frame.data);
      if (told.turn) place.replaceWith((place = this.shown(told.turn)));
      if (told.tool_call) steps.set(told.tool_call.tool_call_id, told.tool_call);
      if (frame.event === "agent_state" || told.tool_call) {
        const working = place.querySelector(".theirs") ?? place.appendChild(h("div", { class: "theirs" }));
        fill(working, h("p", { class: "fine" }, told.message ?? told.phase ?? "searching"), [...steps.values()].map(step));
      }
      if (frame.event === "error") place.append(problem({ message: told.error.message, code: told.error.code }));
    }
  }

  /** Goes on with a turn that was under way when the page was opened. */
  async resume() {
    const last = this.turns.lastElementChild;
    if (!last?.dataset.turn || !["pending", "running"].includes(last.dataset.status)) return;
    const answer = await call("GET", `/chat/sessions/${this.id}/turns/${last.dataset.turn}/stream`, { raw: true, signal: this.signal }).catch(() => null);
    if (answer) await this.#follow(answer, last).catch(() => {});
  }

  /** A turn: the question, the answer with its citations, and the steps behind it. */
  shown(turn) {
    const said = turn.assistant_message;
    const trace = turn.tool_trace ?? [];
    return h(
      "article",
      { class: "stack", "data-turn": turn.turn_id, "data-status": turn.status },
      h("div", { class: "mine" }, turn.user_message.content),
      h(
        "div",
        { class: "theirs" },
        said ? [h("p", { class: "text" }, this.#text(said)), this.#cites(turn)] : turn.error ? problem(turn.error) : h("p", { class: "fine" }, words(turn.status)),
        trace.length ? h("details", { class: "plan" }, h("summary", {}, `${trace.length} step${trace.length === 1 ? "" : "s"}`), trace.map(step)) : null,
      ),
    );
  }

  /** The text, with each citation as a button in its place. */
  #text(said) {
    const known = new Map(said.citations.map((one) => [one.label, one]));
    const parts = [];
    let from = 0;
    for (const found of said.content.matchAll(LABEL)) {
      parts.push(said.content.slice(from, found.index));
      for (const label of found[1].split(/\s*[,;]\s*/)) parts.push(known.has(label) ? this.#cite(known.get(label)) : `[${label}]`);
      from = found.index + found[0].length;
    }
    parts.push(said.content.slice(from));
    return parts;
  }

  #cite(one) {
    if (!one.video_id) return h("span", { class: "pill" }, one.label);
    return h("button", { type: "button", class: "button small cite", "data-plays": true, "data-start": one.start_time, title: one.video_name, onclick: () => this.play(one) }, icon(lasts(one) ? "play" : "image"), lasts(one) ? clock(one.start_time) : one.video_name);
  }

  /** The moments as pictures, each with what it is of; they play as the buttons in the text do. */
  #cites({ assistant_message: said, result_sets: sets = [] }) {
    const moments = said.citations.filter((one) => one.video_id);
    const found = new Map(sets.map((one) => [one.id, one.items]));
    const card = (one) => {
      const hit = found.get(one.result_set_id)?.[one.position - 1] ?? {};
      const still = hit.media_type === "audio" ? null : here(hit.thumbnail_uri);
      const name = one.video_name ?? "Untitled";
      return h("li", {}, h("button", { type: "button", class: "moment", "data-plays": true, "data-start": one.start_time, title: name, onclick: () => this.play(one) },
        h("span", { class: "still" }, still ? picture(still) : icon(hit.media_type ?? "video"), lasts(one) ? h("time", {}, clock(one.start_time)) : null),
        h("span", { class: "name" }, name)));
    };
    return moments.length ? h("ul", { class: "cites", "aria-label": "Moments" }, moments.map(card)) : null;
  }
}

/** Whether evidence has a time to play from; a picture lasts from 0 to 0. */
const lasts = (one) => one.end_time > one.start_time;

const step = (call) =>
  h("p", { class: "fine" }, pill(call.status === "running" ? "processing" : call.status, words(call.name)), " ", call.arguments?.query ?? "", " ", call.summary ?? call.error ?? "");
