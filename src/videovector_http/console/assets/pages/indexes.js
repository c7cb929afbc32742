// All collections of media.

import { get, here, pages, post } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { ago } from "../format.js";
import { button, dialog, empty, field, head, input, load, picture, skeletons } from "../parts.js";
import { go, href } from "../router.js";

export default async function page({ main, signal }) {
  const place = h("div", {});
  fill(
    main,
    head("Indexes", {
      lead: "Collections of video, audio and images. Open one to upload, run prompts and look around.",
      actions: [button("New index", { kind: "primary", sign: "plus", onclick: newIndex })],
    }),
    place,
  );
  await load(
    place,
    () => get("/indexes", {}, { signal }),
    (found) =>
      h(
        "div",
        { class: "stack" },
        found.length
          ? null
          : empty("indexes", "Nothing here yet", "An index holds media that belong together. Make one, then drop files into it.", button("Make the first index", { kind: "primary", sign: "plus", onclick: newIndex })),
        h("ul", { class: "tiles", "aria-label": "Indexes" }, found.map((one) => h("li", {}, tile(one, signal))), h("li", {}, tile({ index_id: "playground", name: "Playground", description: "Media that lie in no index" }, signal))),
      ),
    { waits: skeletons(6, "tile"), signal },
  );
}

function tile(index, signal) {
  const mosaic = h("div", { class: "mosaic" }, icon(index.index_id === "playground" ? "play" : "indexes"));
  pictures(index.index_id, signal).then(
    (links) => links.length && fill(mosaic, links.map((one) => picture(one))),
    () => {},
  );
  return h(
    "a",
    { class: "tile", href: href(`/indexes/${index.index_id}`) },
    mosaic,
    h("div", { class: "words" }, h("h2", {}, index.name), h("p", { class: "fine" }, index.description || (index.created_at ? `made ${ago(index.created_at)}` : " "))),
  );
}

/** Links to the pictures of the newest three media that have one. */
async function pictures(id, signal) {
  const newest = (await pages(mediaPath(id), { limit: 6, signal })()).filter((one) => one.media_type !== "audio").slice(0, 3);
  if (!newest.length) return [];
  const found = await post("/videos/batch", { video_ids: newest.map((one) => one.video_id) }, { signal });
  return found.map((one) => here(one.first_thumbnail)).filter(Boolean);
}

export const mediaPath = (id) => (id === "playground" ? "/playground/videos" : `/indexes/${id}/videos`);

function newIndex() {
  const name = input({ required: true, maxlength: 255, placeholder: "Interviews 2026" });
  const text = input({ maxlength: 500 });
  dialog("New index", h("div", { class: "form" }, field("Name", name), field("Description", text)), {
    action: "Create",
    act: async () => {
      const made = await post("/indexes", { name: name.value, ...(text.value ? { description: text.value } : {}) });
      go(`/indexes/${made.index_id}`);
    },
  });
}
