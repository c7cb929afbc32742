"""Answers of the API that a browser gets instead of the server's: many rows, hostile texts, failures."""

from __future__ import annotations

import json
from typing import Any

MEDIA = 10_000
HITS = 5_000

INJECTIONS = [
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<svg onload=window.hit=1>",
    "<svg><script>window.hit=1</script></svg>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<iframe src=javascript:parent.hit=1></iframe>",
    "javascript:window.hit=1",
    "<a href=javascript:window.hit=1>click</a>",
    '"><script>window.hit=1</script>',
    "'><img src=x onerror=window.hit=1>",
    "' onmouseover='window.hit=1",
    '" autofocus onfocus="window.hit=1',
    "</title><script>window.hit=1</script>",
    "</textarea><script>window.hit=1</script>",
    "</script><script>window.hit=1</script>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=//example.com/x.css>",
    "<base href=//example.com/>",
    "<meta http-equiv=refresh content='0;url=//example.com'>",
    "<form action=//example.com><input name=credential></form>",
    "<object data=javascript:window.hit=1></object>",
    "<embed src=javascript:window.hit=1>",
    "<math><mtext><img src=x onerror=window.hit=1></mtext></math>",
    "<details open ontoggle=window.hit=1>",
    "<video><source onerror=window.hit=1></video>",
    "<body onload=window.hit=1>",
    "{{constructor.constructor('window.hit=1')()}}",
    "${window.hit=1}",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "\u202e<b>window.hit=1</b>\u0000"[:-1],
]

TIME = "2026-01-01T00:00:00.000Z"
MARKER = {"marker_id": None, "color": None, "note": None, "updated_at": None}


FILTERED = '/search?index=idx_1&f=[{"field":"headline","operator":"is_not_empty","type":"string"}]'

MANY = """
const real = window.fetch;
const index = {index_id: 'idx_1', name: 'Many', created_at: '2026-01-01T00:00:00.000Z'};
const video = (at) => ({video_id: `vid_${at}`, title: `Clip ${at}`, media_type: 'video', status: 'processed', duration_seconds: at});
const hit = (at) => ({result_id: `seg_${at}`, video_id: 'vid_1', video_uri: 'gs://a/b', video_name: `Clip ${at}`, start_time: at,
  end_time: at + 5, media_type: 'video', metadata: {headline: `Moment ${at}`}, run_id: 'run_1'});
const page = (make, total, at, limit) => {
  const end = Math.min(at + limit, total);
  const data = Array.from({length: end - at}, (_, one) => make(at + one));
  return {data, pagination: {limit, has_more: end < total, next_cursor: end < total ? String(end) : null}};
};
window.fetch = async (address, options = {}) => {
  const url = new URL(address, location.origin);
  const asked = typeof options.body === 'string' ? JSON.parse(options.body) : {};
  const found = {
    '/indexes': () => [index],
    '/indexes/idx_1': () => index,
    '/indexes/idx_1/videos': () => page(video, 10000, Number(url.searchParams.get('cursor') ?? 0), Number(url.searchParams.get('limit'))),
    '/videos/batch': () => [],
    '/videos/signed-url': () => ({signed_url: '/none', expires_at: '2026-01-01T00:00:00.000Z'}),
    '/search/sql/idx_1/catalog': () => ({tables: []}),
    '/search/filter/idx_1': () => page(hit, 5000, Number(asked.cursor ?? 0), asked.page_size),
  }[url.pathname.replace('/api/v2', '')];
  return found ? new Response(JSON.stringify(found()), {headers: {'content-type': 'application/json'}}) : real(address, options);
};
"""
"""Answers in the page itself: 10,000 media and 5,000 hits."""

SCROLL = """async (total) => {
  const list = document.querySelector('vv-list');
  const frame = () => new Promise(requestAnimationFrame);
  let [nodes, longest, last] = [0, 0, performance.now()];
  for (let still = 0; still < 20; still = list.items.length < total ? 0 : still + 1) {
    scrollBy(0, 4000);
    await frame();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    nodes = Math.max(nodes, document.querySelectorAll('*').length);
  }
  return {items: list.items.length, nodes, longest};
}"""
"""Scrolls to the end; tells how many items and elements there were, and the longest frame in milliseconds."""


def video(number: int, title: str | None = None) -> dict[str, Any]:
    """Return a media item."""
    return {
        "video_id": f"vid_{number}",
        "title": title or f"Clip {number}",
        "video_uri": f"gs://videovector/vid_{number}/clip.mp4",
        "status": "processed",
        "processing_status": [],
        "created_at": TIME,
        "media_type": "video",
        "marker": MARKER,
        "duration_seconds": 60.0 + number % 100,
    }


def hit(number: int, text: str | None = None) -> dict[str, Any]:
    """Return a search hit."""
    said = text or f"Words of moment {number}"
    return {
        "result_type": "segment",
        "result_id": f"segment:seg_{number}:run_1",
        "video_id": f"vid_{number % 50}",
        "video_uri": f"gs://videovector/vid_{number % 50}/clip.mp4",
        "video_name": said,
        "segment_id": f"seg_{number}",
        "start_time": float(number % 600),
        "end_time": float(number % 600) + 5,
        "text_content": said,
        "content_preview": said,
        "similarity_score": 0.5,
        "media_type": "video",
        "metadata": {"headline": said, said: [said, {"name": said}], "transcription": said},
        "matched_field_instances": [{"field_path": said, "field_display_label": said, "value_preview": said}],
        "run_id": "run_1",
    }


def page_of(rows: list[Any], url: str, body: str | None) -> dict[str, Any]:
    """Cut one page out of rows; the cursor is the number of the row that comes next."""
    asked = json.loads(body or "{}")
    parameters = dict(part.split("=", 1) for part in url.partition("?")[2].split("&") if "=" in part)
    at = int(asked.get("cursor") or parameters.get("cursor") or 0)
    limit = int(asked.get("page_size") or parameters.get("limit") or 50)
    more = at + limit < len(rows)
    place = {"limit": limit, "has_more": more, "next_cursor": str(at + limit) if more else None}
    return {"data": rows[at : at + limit], "results": rows[at : at + limit], "pagination": place}


def answers(page: Any, pattern: str, rows: list[Any]) -> None:
    """Answer every request to a route with pages of rows."""

    def answer(route: Any) -> None:
        found = page_of(rows, route.request.url, route.request.post_data)
        route.fulfill(status=200, content_type="application/json", body=json.dumps(found))

    page.route(pattern, answer)


def fixed(page: Any, pattern: str, body: Any, status: int = 200) -> None:
    """Answer every request to a route with the same body."""
    text = json.dumps(body)
    page.route(pattern, lambda route: route.fulfill(status=status, content_type="application/json", body=text))


def refusal(status: int, code: str, message: str) -> dict[str, Any]:
    """Return an error envelope."""
    error = {"code": code, "message": message, "details": {}, "request_id": "req_1", "timestamp": TIME}
    return {"error": error, "request_id": "req_1"}
