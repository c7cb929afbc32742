// A picture to search by: dropped, pasted or chosen, and made small before it is sent.

import { h } from "../dom.js";
import { button, toast } from "../parts.js";

const LARGEST = 768;

/** Draws a file small enough to send; answers its base64 and a link to show it. */
export async function picture(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const link = canvas.toDataURL("image/jpeg", 0.9);
  return { link, data: link.split(",")[1] };
}

/** What shows the picture, or asks for one. */
export function dropImage({ image, weight, both, onImage, signal, main }) {
  const take = async (file) => {
    if (!file?.type.startsWith("image/")) return;
    try {
      onImage(await picture(file));
    } catch {
      toast("This picture cannot be read; use a JPEG, PNG or WebP file.", { error: true });
    }
  };
  if (!main.dataset.drops) {
    main.dataset.drops = "1";
    main.addEventListener("dragover", (event) => event.preventDefault(), { signal });
    main.addEventListener("drop", (event) => (event.preventDefault(), take(event.dataTransfer.files[0])), { signal });
    addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])][0]), { signal });
    signal.addEventListener("abort", () => delete main.dataset.drops);
  }
  const picker = h("input", { type: "file", accept: "image/*", class: "hidden", "aria-label": "Picture to search by", tabindex: -1, onchange: (event) => take(event.target.files[0]) });
  if (!image)
    return [picker, button("Search by picture", { kind: "small", sign: "image", onclick: () => picker.click() }), h("span", { class: "fine" }, "or drop or paste one")];
  return [
    h("img", { src: image.link, alt: "The picture that is searched by" }),
    both() ? h("label", { class: "row" }, h("span", { class: "fine" }, "picture"), weight, h("span", { class: "fine" }, "words")) : h("span", { class: "fine" }, "Looks like this picture"),
    button("Remove", { kind: "small", sign: "close", onclick: () => onImage(null) }),
  ];
}
