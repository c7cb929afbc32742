// Plays a media item from a moment on.

import { here, playable } from "./api.js";
import { fill, h } from "./dom.js";
import { onKey } from "./keys.js";
import { problem } from "./parts.js";

/** `<vv-player>`: shows a video, plays audio, shows an image; tells its time as `moved` events. */
export class Player extends HTMLElement {
  media = null;
  #uri = null;
  #from = null;
  #poster = null;

  connectedCallback() {
    this.setAttribute("data-plays", "");
  }

  get time() {
    return this.media?.currentTime ?? 0;
  }

  /** Opens a media item and goes to a moment; `play` starts it, as soon as the browser lets it. */
  async open({ uri, link, type = "video", title = "", at = 0, play = false, poster = null }) {
    if (this.#uri !== uri) {
      this.#uri = uri;
      this.media = null;
      fill(this, h("div", { class: "skeleton stage" }));
      try {
        const source = await playable(uri).catch((error) => here(link) ?? Promise.reject(error));
        if (this.#uri !== uri) return;
        this.#show(source, type, title, poster);
      } catch (error) {
        this.#uri = null;
        return fill(this, problem(error, () => this.open({ uri, link, type, title, at, play, poster })));
      }
    }
    this.seek(at, play);
  }

  #show(source, type, title, poster) {
    if (type === "image") return fill(this, h("img", { src: source, alt: title, class: "stage" }));
    const media = h(type === "audio" ? "audio" : "video", { src: source, controls: true, playsinline: true, preload: "auto", class: "stage", "aria-label": title, poster: poster ?? this.#poster });
    this.media = media;
    media.addEventListener("loadedmetadata", () => this.#go());
    media.addEventListener("timeupdate", () => this.dispatchEvent(new CustomEvent("moved", { detail: media.currentTime })));
    media.addEventListener("error", () =>
      fill(this, problem({ message: "This browser cannot play the file. Its segments, pictures and results are below; download it to play it elsewhere." }), h("a", { class: "button", href: source, download: title }, "Download")),
    );
    fill(this, media);
  }

  /** Shows a picture until it is played or moved, since many films begin in black. */
  poster(source) {
    this.#poster = source;
    if (this.media instanceof HTMLVideoElement && source && !this.media.poster) this.media.poster = source;
  }

  /** Goes to a moment. */
  seek(at, play = false) {
    this.#from = { at, play };
    if (this.media?.readyState >= 1) this.#go();
  }

  #go() {
    if (!this.#from) return;
    const { at, play } = this.#from;
    this.#from = null;
    // going to where it stands already would take its poster away
    if (at !== null && at !== undefined && at !== this.media.currentTime) this.media.currentTime = at;
    // a browser that wants a click first leaves it paused at the moment
    if (play) this.media.play().catch(() => {});
    this.dispatchEvent(new CustomEvent("moved", { detail: at }));
  }

  toggle() {
    if (!this.media) return;
    this.media.paused ? this.media.play().catch(() => {}) : this.media.pause();
  }

  /** Lets the keys of the page move it. */
  keys(signal) {
    onKey(" ", () => this.toggle(), signal);
    onKey("ArrowLeft", () => this.seek(Math.max(0, this.time - 5)), signal);
    onKey("ArrowRight", () => this.seek(this.time + 5), signal);
    signal.addEventListener("abort", () => this.media?.pause());
    return this;
  }
}

customElements.define("vv-player", Player);

export const player = () => document.createElement("vv-player");
