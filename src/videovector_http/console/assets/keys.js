// Keys that work on every page, unless somebody is writing.

const bound = new Map();

/** Binds a key while a page is open. */
export function onKey(key, act, signal) {
  bound.set(key, act);
  signal?.addEventListener("abort", () => bound.get(key) === act && bound.delete(key));
}

const WRITES = new Set(["INPUT", "TEXTAREA", "SELECT"]);

export function listen() {
  addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const at = document.activeElement;
    const writing = at && (at.isContentEditable || (WRITES.has(at.tagName) && !["checkbox", "radio", "range"].includes(at.type)));
    if (event.key === "Escape" && writing) return at.blur();
    if (writing || document.querySelector("dialog[open]")) return;
    // space presses a focused button; elsewhere it plays
    if (event.key === " " && at && ["BUTTON", "A", "SUMMARY"].includes(at.tagName) && !at.closest("[data-plays]")) return;
    const act = bound.get(event.key);
    if (!act) return;
    event.preventDefault();
    act(event);
  });
}
