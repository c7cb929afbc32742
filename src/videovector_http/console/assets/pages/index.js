// One collection: a grid of its media, and the way in for new ones.

import { call, get, here, pages, post, upload } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { clock, words } from "../format.js";
import { bar, button, dialog, empty, head, link, pill, problem, toast } from "../parts.js";
import { go, href } from "../router.js";
import { list } from "../virtual.js";
import { runDialog } from "./execute.js";
import { mediaPath } from "./indexes.js";

const AT_ONCE = 3;

export default async function page({ main, params, signal }) {
  const id = params.id;
  const playground = id === "playground";
  const index = playground ? { name: "Playground", description: "Media that lie in no index." } : await get(`/indexes/${id}`, {}, { signal });
  const notes = h("div", {});
  const uploads = h("div", { class: "uploads" });
  const grid = mediaGrid(id, { signal, notes, onDrop: () => picker.click() });
  const picker = h("input", { type: "file", multiple: true, class: "hidden", accept: "video/*,audio/*,image/*,.mkv,.avi,.ts", "aria-label": "Files to upload", tabindex: -1 });
  const take = (files) => send([...files], { indexId: playground ? null : id, uploads, grid, signal, notes });
  picker.addEventListener("change", () => {
    take(picker.files);
    picker.value = "";
  });
  const target = playground ? { type: "playground" } : { type: "index", index_id: id };
  fill(
    main,
    head(index.name, {
      back: link("Indexes", "/"),
      lead: index.description,
      actions: [
        button("Upload", { kind: "primary", sign: "upload", onclick: () => picker.click() }),
        button("Run a prompt", { sign: "runs", onclick: () => runDialog(target) }),
        h("a", { class: "button", href: href("/search", { index: id }) }, icon("search"), "Search"),
        playground ? null : button("Delete", { kind: "danger", sign: "trash", onclick: () => remove(id, index.name) }),
      ],
    }),
    picker,
    uploads,
    notes,
    grid,
  );
  droppable(main, take, signal);
}

function remove(id, name) {
  dialog(`Delete ${name}?`, h("p", {}, "Its media, segments and results disappear for good. Runs that are under way are stopped."), {
    action: "Delete",
    danger: true,
    act: async () => {
      await call("DELETE", `/indexes/${id}`);
      toast(`${name} is being deleted.`);
      go("/");
    },
  });
}

function droppable(main, take, signal) {
  main.classList.add("drop");
  let depth = 0;
  const over = (change) => main.classList.toggle("over", (depth = change ? depth + change : 0) > 0);
  const on = (name, act) =>
    main.addEventListener(name, (event) => event.dataTransfer?.types.includes("Files") && (event.preventDefault(), act(event)), { signal });
  on("dragenter", () => over(1));
  on("dragleave", () => over(-1));
  on("dragover", () => {});
  on("drop", (event) => (over(0), take(event.dataTransfer.files)));
  signal.addEventListener("abort", () => main.classList.remove("drop", "over"));
}

/** Uploads files, a few at once, each with a bar; they go on while other pages are open. */
async function send(files, { indexId, uploads, grid, notes }) {
  const waiting = files.map((file) => [file, line(file, uploads)]);
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await one(...next);
  };
  const one = async (file, row) => {
    try {
      const title = file.name.replace(/\.[^.]+$/, "").slice(0, 255) || file.name;
      const done = await upload(file, { title, indexId, signal: row.signal, onProgress: row.at });
      row.element.remove();
      fill(notes);
      grid.unshift({ ...done.video, fresh: true });
      toast(`${done.title} is uploaded.`);
    } catch (error) {
      error.name === "AbortError" ? row.element.remove() : row.failed(error, () => (row.reset(), one(file, row)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function line(file, uploads) {
  const place = h("div", {});
  const stop = new AbortController();
  const share = h("span", { class: "fine" }, "waiting");
  const element = h("div", { class: "card" }, h("div", { class: "row" }, h("strong", { class: "grow" }, file.name), share, button("", { kind: "plain small", sign: "close", "aria-label": `Stop ${file.name}`, onclick: () => (stop.abort(), element.remove()) })), place);
  const at = (value) => {
    fill(place, bar(`Upload of ${file.name}`, value));
    fill(share, value < 1 ? `${Math.round(value * 100)} %` : "being read");
  };
  uploads.append(element);
  return { element, at, signal: stop.signal, reset: () => at(0), failed: (error, again) => (fill(share, "failed"), fill(place, problem(error, again))) };
}

/** The media of an index, newest first, as many as there are. */
function mediaGrid(id, { signal, notes, onDrop }) {
  const next = pages(mediaPath(id), { signal, limit: 60 });
  const posters = new Map();
  const grid = list({
    label: "Media",
    signal,
    minWidth: 250,
    gap: 14,
    height: (width) => Math.round(width * 0.62),
    next: async () => {
      const found = await next();
      if (found?.length) {
        const details = await post("/videos/batch", { video_ids: found.map((one) => one.video_id) }, { signal }).catch(() => []);
        for (const one of details) posters.set(one.video_id, here(one.first_thumbnail));
      }
      return found;
    },
    make: (item) => card(item, posters.get(item.video_id), id, signal),
    onError: (error) => fill(notes, problem(error, () => location.reload())),
    onEnd: (count) =>
      count ||
      fill(notes, empty("upload", "No media yet", "Drop video, audio or images anywhere on this page, or choose files.", button("Choose files", { kind: "primary", sign: "upload", onclick: onDrop }))),
  });
  return grid;
}

function card(item, poster, index, signal) {
  const moving = item.media_type === "video" && poster;
  const shot = poster && item.media_type !== "audio" ? h("img", { class: "shot", src: poster, alt: "", decoding: "async" }) : null;
  const state = item.status === "processed" ? null : pill(item.status, item.status === "not_processed" ? "no run yet" : words(item.status));
  const box = h(
    "a",
    { class: "media", href: href(`/media/${item.video_id}`, { index: index === "playground" ? null : index }) },
    shot ?? icon(item.media_type),
    state && h("span", { class: "corner" }, state),
    h("span", { class: "words" }, h("strong", {}, item.title), h("span", { class: "fine" }, h("span", {}, item.media_type), item.duration_seconds ? h("span", {}, clock(item.duration_seconds)) : null)),
  );
  if (shot) shot.addEventListener("error", () => shot.replaceWith(icon(item.media_type)));
  if (moving) preview(box, shot, item.video_id, poster, signal);
  else if (item.fresh && item.media_type !== "audio") refreshed(box, item);
  return box;
}

/** A file that was just uploaded has its picture a moment later. */
async function refreshed(box, item) {
  const [found] = await post("/videos/batch", { video_ids: [item.video_id] }).catch(() => []);
  const source = here(found?.first_thumbnail);
  if (source) box.querySelector(".icon")?.replaceWith(h("img", { class: "shot", src: source, alt: "" }));
}

/** Plays the moving preview while the pointer or the focus is on the card. */
function preview(box, shot, id, poster, signal) {
  let on = false;
  let kept = null;
  const start = async () => {
    if (on || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    on = true;
    const answer = await call("GET", `/videos/${id}/gif`, { raw: true, signal }).catch(() => null);
    if (!answer || !on) return;
    kept = URL.createObjectURL(await answer.blob());
    if (on) shot.src = kept;
  };
  const stop = () => {
    on = false;
    shot.src = poster;
    if (kept) URL.revokeObjectURL(kept);
    kept = null;
  };
  box.addEventListener("pointerenter", start);
  box.addEventListener("focus", start);
  box.addEventListener("pointerleave", stop);
  box.addEventListener("blur", stop);
}
