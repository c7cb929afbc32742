"""What was stored is shown as text; only the server's own scripts run; a session cannot be borrowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.console.conftest import Tab
from tests.console.mocked import (
    FILTERED,
    HITS,
    INJECTIONS,
    MANY,
    MARKER,
    MEDIA,
    SCROLL,
    TIME,
    answers,
    fixed,
    hit,
    video,
)
from tests.server import Server

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

ASSETS = ROOT / "src" / "videovector_http" / "console" / "assets"
MARKUP = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|createContextualFragment|\beval\(|new Function"
MOST_NODES = 2500


def test_no_script_makes_markup_of_text():
    """No script of the console knows a way from text to markup, and none names another host."""
    files = sorted(ASSETS.rglob("*.js"))
    assert len(files) > 20
    for file in files:
        assert not re.search(MARKUP, file.read_text()), file
    for file in [*files, *ASSETS.rglob("*.css"), *ASSETS.rglob("*.html")]:
        hosts = set(re.findall(r"https?://([\w.]+)", file.read_text()))
        assert hosts <= {"www.w3.org", "example.com"}, file


def test_the_policy_is_strict(server: Server):
    """Everything of the console comes with a policy that allows this server alone; a browser is led there."""
    with httpx.Client(base_url=server.url) as client:
        for path in ("/console", "/console/runs/run_1", "/console/assets/main.js"):
            policy = client.get(path).headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "require-trusted-types-for 'script'" in policy
        browser = client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
        assert (browser.status_code, browser.headers["location"]) == (307, "/console")
        assert client.get("/").json()["error"]["code"] == "resource_route_not_found"
        assert client.get("/console/assets/%2e%2e/routes.py").status_code == 404
        assert client.get("/console/assets/none.js").status_code == 404
        first = client.get("/console/assets/main.js")
        again = client.get("/console/assets/main.js", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_session_cannot_be_borrowed(tab: Tab, server: Server):
    """The cookie is out of reach of scripts, and without the token of the log-in it opens nothing."""
    tab.expected = lambda text: "403" in text
    tab.open("/")
    assert "videovector_session" not in tab.page.evaluate("document.cookie")
    status = "fetch('/api/v2/indexes', {headers: %s}).then((one) => one.status)"
    assert tab.page.evaluate(status % "{}") == 403
    assert tab.page.evaluate(status % "{'X-CSRF-Token': localStorage.getItem('videovector.csrf')}") == 200
    cookie = next(one for one in tab.page.context.cookies() if one["name"] == "videovector_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_logging_in_and_out(tabs: Callable[..., Tab], server: Server):
    """A wrong key is refused in words, a right one opens the console, and after logging out it is closed."""
    one = tabs(logged_in=False)
    one.expected = lambda text: "401" in text
    page = one.page
    page.goto(server.url)
    page.get_by_label("API key or token").fill("sk_live_wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").wait_for()
    page.get_by_label("API key or token").fill(server.key)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Indexes").wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Log in").wait_for()
    page.reload()
    page.get_by_role("heading", name="Log in").wait_for()


def hostile(tab: Tab) -> Any:
    """Put the hostile texts everywhere that text comes from."""
    page = tab.page
    all_of_them = "\n".join(INJECTIONS)
    index = {"index_id": "idx_1", "name": all_of_them, "description": all_of_them, "created_at": TIME}
    metadata = {"headline": all_of_them, all_of_them: INJECTIONS, "transcription": all_of_them, "ocr": INJECTIONS}
    segment = {**hit(1, all_of_them), "metadata": metadata, "segment_status": "failed", "failure_message": all_of_them}
    turn = {
        "turn_id": "turn_1", "session_id": "session_1", "status": "completed", "created_at": TIME,
        "user_message": {"content": all_of_them}, "tool_trace": [],
        "assistant_message": {"content": f"{all_of_them} [rs1:1]", "citations": [
            {"label": "rs1:1", "video_id": "vid_1", "video_name": all_of_them, "start_time": 1.0, "end_time": 2.0}]},
    }  # fmt: skip
    rows = [{"what": one, "times": number} for number, one in enumerate(INJECTIONS)]
    table = {"columns": [{"name": "what", "type": "VARCHAR"}, {"name": "times", "type": "BIGINT"}], "rows": rows,
             "row_context": [None] * len(rows), "truncated": False, "applied_result_limit": 100, "elapsed_ms": 1}  # fmt: skip
    prompt = {"prompt_id": "prompt_1", "user_id": "user_1", "name": all_of_them, "description": all_of_them, "marker": MARKER,
              "prompt_text": all_of_them, "json_schema": {"type": "object", "properties": {all_of_them: {"type": "string", "description": all_of_them}}},
              "created_at": TIME, "is_active": True}  # fmt: skip
    fixed(page, "**/api/v2/indexes", [index])
    fixed(page, "**/api/v2/indexes/idx_1", index)
    answers(page, "**/api/v2/indexes/idx_1/videos?*", [video(number, one) for number, one in enumerate(INJECTIONS)])
    fixed(page, "**/api/v2/videos/batch", [])
    fixed(page, "**/api/v2/videos/vid_1", video(1, all_of_them))
    fixed(page, "**/api/v2/videos/vid_1/prompt-runs?*", [])
    answers(page, "**/api/v2/videos/vid_1/segments?*", [segment])
    fixed(page, "**/api/v2/indexes/idx_1/search", [hit(number, one) for number, one in enumerate(INJECTIONS)])
    fixed(page, "**/api/v2/videos/signed-url", {"signed_url": "javascript:window.hit=1", "expires_at": TIME})
    fixed(
        page,
        "**/api/v2/search/sql/idx_1/catalog",
        {
            "tables": [
                {
                    "table_name": all_of_them,
                    "prompt_name": all_of_them,
                    "row_count": 1,
                    "default_query": all_of_them,
                    "columns": [{"name": all_of_them, "path": all_of_them, "type": "VARCHAR"}],
                }
            ]
        },
    )
    fixed(page, "**/api/v2/search/sql/idx_1", table)
    fixed(page, "**/api/v2/prompts", {"prompts": [prompt]})
    fixed(page, "**/api/v2/prompts/prompt_1", prompt)
    answers(
        page,
        "**/api/v2/chat/sessions?*",
        [{"session_id": "session_1", "title": all_of_them, "created_at": TIME, "updated_at": TIME}],
    )
    fixed(page, "**/api/v2/chat/sessions/session_1", {"session_id": "session_1", "title": all_of_them, "turns": [turn]})
    return page


def test_stored_text_is_shown_as_text(tab: Tab):
    """Thirty hostile texts in titles, metadata, transcripts, prompts, tables and answers run nothing and show in full."""
    assert len(INJECTIONS) == 30
    page = hostile(tab)
    places = {
        "/": "main", "/indexes/idx_1": "main", "/media/vid_1": "main", "/search?index=idx_1&q=x": "main",
        "/sql?index=idx_1&q=select": "main", "/prompts": "main", "/prompts/prompt_1": "main", "/chat/session_1": "main",
    }  # fmt: skip
    for path, place in places.items():
        tab.open(path)
        page.wait_for_timeout(150)
        assert page.evaluate("window.hit") is None, path
        strays = "main :is(script, iframe, object, embed, base, meta, link, style, math, form[action])"
        assert page.locator(strays).count() == 0, path
        assert page.evaluate(
            "[...document.querySelectorAll('main *')].every((one) => [...one.attributes].every((a) => !a.name.startsWith('on')))"
        )
        assert page.evaluate(
            "[...document.querySelectorAll('main a[href], main [src]')].every((one) => !(one.href ?? one.src).startsWith('javascript:'))"
        )
        shown = page.locator(place).evaluate(
            "(one) => one.textContent + [...one.querySelectorAll('input, textarea')].map((a) => a.value).join()"
        )
        assert "<img src=x onerror=window.hit=1>" in shown, path
    assert tab.page.url.startswith(tab.url)


@pytest.mark.parametrize(("path", "total"), [("/indexes/idx_1", MEDIA), (FILTERED, HITS)])
def test_lists_of_any_length_are_a_few_elements(tab: Tab, path: str, total: int):
    """10,000 media in an index and 5,000 hits of a search keep the page small wherever it is scrolled to."""
    tab.page.add_init_script(MANY)
    tab.page.goto(f"{tab.url}/console{path}")
    tab.page.locator("vv-list .cell").first.wait_for()
    seen = tab.page.evaluate(SCROLL, total)
    assert seen["items"] == total
    assert seen["nodes"] < MOST_NODES
