"""What the console is for: from a file in a browser to the moment that was looked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.console.conftest import Tab

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

NEAR_S = 0.5


def test_from_an_upload_to_a_played_hit(tab: Tab, shared_media: Path, axe: None):
    """A file is uploaded, a prompt runs over it, a search and a chat find moments, and clicks play them from their start."""
    page = tab.open("/").page
    page.get_by_role("button", name="New index").first.click()
    page.get_by_label("Name").fill("Story")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("No media yet").wait_for()
    index = page.url.rsplit("/", 1)[1]

    page.set_input_files("input[type=file]", shared_media / "cuts__big-buck-bunny-480p-30s__video.mp4")
    page.locator("a.media", has_text="big-buck-bunny").wait_for()

    page.get_by_role("link", name="Prompts").click()
    page.get_by_role("link", name="New prompt").click()
    page.get_by_label("Name", exact=True).fill("What can be seen")
    page.get_by_text("fits", exact=True).wait_for()
    page.get_by_role("button", name="Create").click()
    page.get_by_role("heading", name="What can be seen").wait_for()

    tab.open(f"/indexes/{index}")
    page.get_by_role("button", name="Run a prompt").click()
    page.get_by_label("Prompt", exact=True).select_option(label="What can be seen")
    page.get_by_label("Transcribe speech").uncheck()
    page.get_by_text("Model calls").wait_for()
    page.get_by_role("button", name="Start the run").click()

    seen = live(page)
    assert seen[-1] >= 2, seen
    assert seen == sorted(seen)
    tab.settle()
    tab.shoot("run-live")

    page.get_by_role("searchbox", name="Search").fill("a large white rabbit on a green meadow")
    page.keyboard.press("Enter")
    page.get_by_label("Where").select_option(label="Story")
    page.get_by_role("button", name="Search", exact=True).click()
    hit = page.locator("[data-hit]").filter(has_not_text="00:00.0").first
    hit.wait_for()
    start = seconds(hit.locator("time").first.inner_text())
    assert start > 0
    hit.click()
    plays(tab, start)
    tab.shoot("search-hit-plays")

    tab.open("/chat")
    page.get_by_label("Your question").fill("a large white rabbit on a green meadow")
    page.get_by_role("button", name="Ask").click()
    cited = page.get_by_role("list", name="Moments").get_by_role("button").filter(has_not_text="00:00.0").first
    cited.wait_for()
    assert page.locator("[data-turn]").get_attribute("data-status") == "completed"
    cited.click()
    plays(tab, float(cited.get_attribute("data-start")))
    tab.shoot("chat-cited")
    page.reload()
    page.get_by_role("list", name="Moments").wait_for()
    assert tab.findings() == []


def plays(tab: Tab, start: float) -> None:
    """Wait until a video plays, and see that it does so from a moment on."""
    at = tab.until(
        "(() => { const video = document.querySelector('vv-player video');"
        " return video && !video.seeking && !video.paused && video.readyState > 2 ? [video.currentTime] : null; })()"
    )[0]
    assert abs(at - start) <= NEAR_S, (at, start)


def live(page: Any) -> list[int]:
    """Read how many segments are done, as the page tells it by itself, until the run is over."""
    done = page.locator("[data-done]")
    done.wait_for()
    seen = [int(done.get_attribute("data-done"))]
    while not re.search("completed|failed", page.locator(".live .pill").inner_text()):
        page.wait_for_timeout(100)
        seen.append(int(done.get_attribute("data-done")))
    seen.append(int(done.get_attribute("data-done")))
    assert page.locator(".ticker li").count() > 0
    return seen


def seconds(clock: str) -> float:
    """Read mm:ss.s."""
    minutes, rest = clock.split(":")
    return 60 * int(minutes) + float(rest)
