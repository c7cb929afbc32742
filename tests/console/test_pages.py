"""Each page with data, empty and failing: it says what there is, a machine can read it, and it keeps to its policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.console.conftest import Tab
from tests.console.mocked import fixed, refusal
from tests.server import Server

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

FIRST_PAGE_BYTES = 200_000
SIZES = [(360, 740), (3840, 2160)]
EMPTY_PAGE = {"data": [], "pagination": {"limit": 50, "has_more": False, "next_cursor": None}}


@frozen
class World:
    """What the owner of the shared server has for these tests."""

    index: str
    video: str
    runs: tuple[str, str]
    prompt: str
    webhook: str

    def paths(self) -> dict[str, str]:
        """Return every page, by name."""
        return {
            "indexes": "/",
            "index": f"/indexes/{self.index}",
            "media": f"/media/{self.video}?run={self.runs[0]}",
            "compare": f"/media/{self.video}/compare?a={self.runs[0]}&b={self.runs[1]}",
            "search": f"/search?index={self.index}&q=a+picture",
            "sql": f"/sql?index={self.index}",
            "runs": "/runs",
            "run": f"/runs/{self.runs[0]}",
            "run-calls": f"/runs/{self.runs[0]}?tab=calls",
            "run-estimate": f"/runs/{self.runs[0]}?tab=estimate",
            "prompts": "/prompts",
            "prompt": f"/prompts/{self.prompt}",
            "prompt-new": "/prompts/new",
            "chat": "/chat",
            "connectors": "/connectors",
            "automations": "/automations",
            "exports": "/exports",
            "webhooks": "/webhooks",
            "webhook": f"/webhooks/{self.webhook}",
            "keys": "/keys",
            "usage": "/usage",
        }


@pytest.fixture(scope="session")
def world(server: Server, shared_media: Path) -> Iterator[World]:
    """One index with one picture and two runs over it."""
    with server.http() as client:

        def post(path: str, **body: Any) -> Any:
            answer = client.post(path, json=body)
            assert answer.status_code < 300, answer.text
            return answer.json()

        index = post("/indexes", name="Pictures")["index_id"]
        file = shared_media / "photo__scikit-image__chelsea.png"
        sent = {"file": (file.name, file.read_bytes(), "image/png")}
        video = client.post("/videos/upload", files=sent, data={"title": "Chelsea", "index_id": index}).json()
        schema = {"type": "object", "properties": {"headline": {"type": "string"}, "rating": {"type": "integer"}}}
        asked = "Write down what can be seen."
        prompt = post("/prompts", name="Seen", prompt_text=asked, json_schema=schema)["prompt_id"]
        target = {"type": "index", "index_id": index}
        runs = [post("/prompt-runs/execute", prompt_id=prompt, target=target)["run_id"] for _ in range(2)]
        ends = time.monotonic() + 120
        while any(client.get(f"/prompt-runs/{run}").json()["status"] in {"pending", "processing"} for run in runs):
            assert time.monotonic() < ends
            time.sleep(0.2)
        webhook = post("/webhooks", name="Hook", url="https://example.com/hook", events=["prompt_run.completed"])
        yield World(index, video["video_id"], (runs[0], runs[1]), prompt, webhook["webhook_id"])


def test_every_page_stands_and_can_be_read_by_all(tab: Tab, world: World, axe: None):
    """No page has a serious finding of the accessibility check, in light and in dark."""
    found = {}
    for scheme in ("light", "dark"):
        tab.page.emulate_media(color_scheme=scheme)
        for name, path in world.paths().items():
            if scheme == "light" or name in {"media", "search", "sql"}:
                tab.open(path).shoot(f"{name}-{scheme}")
                assert tab.page.locator("main .problem").count() == 0, name
                found[f"{name} {scheme}"] = tab.findings()
    assert {name: one for name, one in found.items() if one} == {}


def test_no_page_is_wider_than_its_window(tabs: Callable[..., Tab], world: World):
    """From a telephone to a wall nothing has to be scrolled sideways, and the way to other pages is there."""
    for width, height in SIZES:
        one = tabs(viewport={"width": width, "height": height})
        for name in ("index", "media", "search", "sql", "run", "prompt-new"):
            one.open(world.paths()[name])
            assert one.page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            one.shoot(f"{name}-{width}")
        if width < 820:
            one.page.get_by_role("button", name="Menu").click()
        one.page.get_by_role("link", name="Runs").click()
        one.page.get_by_role("heading", name="Runs").wait_for()


@pytest.mark.parametrize(
    ("path", "route", "body", "words", "onward"),
    [
        ("/", "**/api/v2/indexes", [], "Nothing here yet", "Make the first index"),
        ("/runs", "**/api/v2/prompt-runs?*", [], "No run yet", "Go to the indexes"),
        ("/prompts", "**/api/v2/prompts", {"prompts": []}, "No prompt yet", "New prompt"),
        ("/webhooks", "**/api/v2/webhooks", [], "Nobody is told yet", "New webhook"),
        ("/keys", "**/api/v2/api-keys", [], "No keys yet", "New key"),
        ("/sql", "**/api/v2/indexes", [], "Nothing to ask yet", "Go to the indexes"),
        ("/indexes/playground", "**/api/v2/playground/videos?*", EMPTY_PAGE, "No media yet", "Choose files"),
    ],
)
def test_an_empty_page_leads_on(tab: Tab, path: str, route: str, body: Any, words: str, onward: str):
    """Where there is nothing, the page says so and names the next step."""
    fixed(tab.page, route, body)
    tab.open(path)
    tab.page.get_by_text(words).wait_for()
    assert tab.page.locator("main .empty :is(a, button)", has_text=onward).count() == 1


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "**/api/v2/indexes"),
        ("/runs", "**/api/v2/prompt-runs?*"),
        ("/runs/run_1", "**/api/v2/prompt-runs/run_1"),
        ("/prompts", "**/api/v2/prompts"),
        ("/webhooks", "**/api/v2/webhooks"),
        ("/keys", "**/api/v2/api-keys"),
        ("/usage", "**/api/v2/usage"),
        ("/media/vid_1", "**/api/v2/videos/vid_1**"),  # what is asked beside it is not there either
        ("/indexes/playground", "**/api/v2/playground/videos?*"),
    ],
)
def test_a_failing_page_says_what_to_do(tab: Tab, path: str, route: str):
    """The server's own words, its code and a way to try again stand where the thing would be."""
    tab.expected = lambda text: "503" in text or "404" in text
    fixed(tab.page, route, refusal(503, "unavailable_store", "The store is away; try again in a moment."), 503)
    tab.open(path)
    shown = tab.page.get_by_role("alert").filter(has_text="The store is away; try again in a moment.")
    shown.wait_for()
    assert "unavailable_store" in shown.inner_text()
    tab.page.unroute(route)
    fixed(tab.page, route, refusal(503, "unavailable_store", "It is still away; try again."), 503)
    shown.get_by_role("button", name="Try again").click()
    tab.page.get_by_text("It is still away; try again.").first.wait_for()


def test_the_first_page_is_small(tab: Tab):
    """What is fetched for the first page is at most 200 KB on the wire, media apart."""
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("Network.enable")
    sizes: dict[str, float] = {}
    urls: dict[str, str] = {}
    session.on("Network.responseReceived", lambda one: urls.update({one["requestId"]: one["response"]["url"]}))
    session.on("Network.loadingFinished", lambda one: sizes.update({one["requestId"]: one["encodedDataLength"]}))
    tab.open("/")
    total = sum(size for name, size in sizes.items() if "/media/" not in urls.get(name, ""))
    assert 10_000 < total <= FIRST_PAGE_BYTES, total


def test_the_address_is_the_state(tabs: Callable[..., Tab], world: World):
    """A search can be shared by its address, the back button returns to it, and keys move through hits."""
    one = tabs()
    one.open("/")
    one.page.keyboard.press("/")
    one.page.keyboard.type("a cat")
    one.page.keyboard.press("Enter")
    one.page.get_by_label("Where").select_option(label="Pictures")
    one.page.get_by_role("button", name="Search", exact=True).click()
    one.until("location.search.includes('Pictures') || location.search.includes('index')")
    one.settle()
    one.page.locator("[data-hit]").first.wait_for()
    one.page.evaluate("document.activeElement.blur()")
    one.page.keyboard.press("j")
    one.until("location.search.includes('hit=0')")
    address = one.page.url
    assert "q=a+cat" in address
    one.page.get_by_role("link", name="Runs").click()
    one.page.get_by_role("heading", name="Runs").wait_for()
    one.page.go_back()
    one.page.locator("[data-hit]").first.wait_for()
    other = tabs()
    other.page.goto(address)
    other.page.locator(".selected [data-hit='0']").wait_for()
    assert other.page.get_by_label("Search for").input_value() == "a cat"


def test_a_picture_is_searched_by(tab: Tab, world: World, shared_media: Path):
    """A picture finds itself, and together with words the two are weighed."""
    tab.open(f"/search?index={world.index}")
    tab.page.set_input_files("input[type=file]", shared_media / "photo__scikit-image__chelsea.png")
    tab.page.locator("[data-hit]", has_text="Chelsea").first.wait_for()
    tab.page.get_by_label("Search for").fill("a cat")
    with tab.page.expect_request("**/multimodal-search") as asked:
        tab.page.get_by_role("button", name="Search", exact=True).click()
    body = asked.value.post_data_json
    assert body["text_weight"] + body["image_weight"] == 1
    tab.page.locator("[data-hit]").first.wait_for()
