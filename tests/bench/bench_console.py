"""How the console scrolls through what does not fit into a page: 10,000 media, and 5,000 hits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.bench.rows import Row
from tests.console.conftest import ARGUMENTS
from tests.console.mocked import FILTERED, HITS, MANY, MEDIA, SCROLL
from tests.needs import needs_program
from tests.server import Server


def bench() -> Iterable[Row]:
    """Scroll to the end of both; the answers are made in the page, so that the page alone is measured."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        server = Server(Path(scratch) / "data").start()
        browser = playwright.chromium.launch(executable_path=needs_program("chromium"), args=ARGUMENTS)
        try:
            page = browser.new_page()
            page.goto(server.url)
            page.get_by_label("API key or token").fill(server.key)
            page.get_by_role("button", name="Log in").click()
            page.get_by_role("navigation", name="Console").wait_for()
            page.add_init_script(MANY)
            for path, total, what in (("/indexes/idx_1", MEDIA, "media"), (FILTERED, HITS, "hits")):
                page.goto(f"{server.url}/console{path}")
                page.locator("vv-list .cell").first.wait_for()
                seen = page.evaluate(SCROLL, total)
                yield Row(f"longest frame, {total:,} {what}", seen["longest"], "ms", "100 at most")
                yield Row(f"elements at most, {total:,} {what}", seen["nodes"], "", "bounded")
        finally:
            browser.close()
            server.stop()
