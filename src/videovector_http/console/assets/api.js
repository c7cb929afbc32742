// The public API, as any other client would call it, with the session of who looks.

const ROOT = "/api/v2";
const CSRF = "videovector.csrf";

/** What the server answered instead of success; `message` says what to do next. */
export class ApiError extends Error {
  constructor(status, error) {
    super(error.message);
    Object.assign(this, { status, code: error.code, requestId: error.request_id, details: error.details });
  }
}

const fromNowhere = () =>
  new ApiError(0, { code: "unreachable", message: "The server does not answer. Check that it runs, then try again." });

export const session = {
  get token() {
    return localStorage.getItem(CSRF);
  },
  get isOpen() {
    return Boolean(this.token);
  },
  forget() {
    localStorage.removeItem(CSRF);
    links.clear();
  },
  async open(credential) {
    const found = await call("POST", "/auth/login", { body: { credential } });
    localStorage.setItem(CSRF, found.csrf_token);
    return found;
  },
  async close() {
    try {
      await call("POST", "/auth/logout");
    } finally {
      this.forget();
    }
  },
};

/** A name for a write, so that a repeated one happens once. */
export function fresh() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

function address(path, query) {
  const url = new URL(ROOT + path, location.origin);
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  return url;
}

function headers(method, path, body, key) {
  const found = { Accept: "application/json" };
  if (session.token) found["X-CSRF-Token"] = session.token;
  if (body !== undefined && !(body instanceof FormData)) found["Content-Type"] = "application/json";
  if (method !== "GET" && !path.startsWith("/auth/")) found["Idempotency-Key"] = key ?? fresh();
  return found;
}

async function failed(answer) {
  let error = { code: `http_${answer.status}`, message: `The server answered ${answer.status}. Try again later.` };
  try {
    error = (await answer.json()).error ?? error;
  } catch {
    // no envelope: something between us and the server answered
  }
  ended(answer.status);
  return new ApiError(answer.status, error);
}

function ended(status) {
  if (status !== 401 || !session.isOpen) return;
  session.forget();
  dispatchEvent(new Event("session-ended"));
}

/** Calls a route; answers its JSON. */
export async function call(method, path, { query, body, signal, key, raw } = {}) {
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      signal,
      credentials: "same-origin",
      headers: headers(method, path, body, key),
      body: body === undefined ? undefined : body instanceof FormData ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw fromNowhere();
  }
  if (!answer.ok) throw await failed(answer);
  if (raw) return answer;
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, query, options) => call("GET", path, { query, ...options });
export const post = (path, body, options) => call("POST", path, { body: body ?? {}, ...options });

/** Answers a function that fetches the next page each time, and null after the last. */
export function pages(path, { query, body, limit = 100, signal } = {}) {
  let cursor = null;
  let over = false;
  return async () => {
    if (over) return null;
    const page = body
      ? await post(path, { ...body, page_size: limit, ...(cursor ? { cursor } : {}) }, { signal })
      : await get(path, { ...query, limit, cursor }, { signal });
    cursor = page.pagination.next_cursor;
    over = !page.pagination.has_more;
    return page.data;
  };
}

/** A link of the server as one to the address that the browser has open, whatever name the server knows itself by. */
export function here(link) {
  if (!link) return null;
  const url = new URL(link, location.origin);
  return url.pathname.startsWith(`${ROOT}/`) ? url.pathname + url.search : null;
}

const links = new Map();

/** A link that plays a stored object for a while. */
export async function playable(uri) {
  const kept = links.get(uri);
  if (kept && kept.until > Date.now() + 60_000) return kept.link;
  const found = await post("/videos/signed-url", { gcs_uri: uri });
  const link = here(found.signed_url);
  links.set(uri, { link, until: Date.parse(found.expires_at) });
  return link;
}

/** Uploads a file; `onProgress` hears a share from 0 to 1. */
export function upload(file, { title, indexId, signal, onProgress }) {
  const form = new FormData();
  form.append("title", title);
  if (indexId) form.append("index_id", indexId);
  form.append("file", file);
  return new Promise((done, refused) => {
    const request = new XMLHttpRequest();
    request.open("POST", address("/videos/upload"));
    for (const [name, value] of Object.entries(headers("POST", "/videos/upload", form)))
      request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    request.onerror = () => refused(fromNowhere());
    request.onabort = () => refused(new DOMException("The upload was stopped.", "AbortError"));
    request.onload = () => {
      if (request.status < 300) return done(request.response);
      ended(request.status);
      refused(new ApiError(request.status, request.response?.error ?? { message: "The upload failed. Try again." }));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** Yields the frames of a stream of server-sent events. */
export async function* frames(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value.replaceAll("\r\n", "\n");
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const frame = { id: "", event: "message", data: "" };
      for (const line of block.split("\n")) {
        const [, name, text] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
        if (name === "data") frame.data += frame.data ? `\n${text}` : text;
        else if (name) frame[name] = text;
      }
      yield frame;
    }
  }
}

/** Follows the event stream until `signal` aborts; a stream that breaks is taken up where it was. */
export async function follow(query, heard, signal) {
  let last = null;
  for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 10_000)) {
    try {
      const answer = await fetch(address("/processing/events/stream", query), {
        signal,
        headers: { "X-CSRF-Token": session.token ?? "", ...(last ? { "Last-Event-ID": last } : {}) },
      });
      if (!answer.ok) throw await failed(answer);
      heard(null);
      for await (const frame of frames(answer)) {
        pause = 500;
        last = frame.id || last;
        if (frame.data) heard(JSON.parse(frame.data));
        if (frame.event === "processing.gap") last = null;
      }
    } catch (error) {
      if (signal.aborted || error.status === 401 || error.status === 403) return;
    }
    await new Promise((go) => setTimeout(go, pause));
  }
}
