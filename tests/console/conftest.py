"""A real browser in front of a real server; nothing in it may break the policy of the page or go anywhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from tests.conftest import ROOT
from tests.needs import needs, needs_program
from tests.server import Server

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_MS = 60_000
AXE = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}


PROBED = ("/automations/import", "/automations/export")
"""Routes that answer 404 where nothing was set up yet."""


def _probe(message: Any) -> bool:
    return bool(message.location.get("url", "").endswith(PROBED))


@define
class Tab:
    """A page of the console, and everything that went wrong in it."""

    page: Any
    url: str
    expected: Callable[[str], bool] = field(default=lambda _: False)
    """Says which complaints of the browser belong to the test."""
    complaints: list[str] = field(factory=list)
    strangers: list[str] = field(factory=list)

    def listen(self) -> Tab:
        """Note complaints, and requests to anywhere but the server."""
        self.page.on("console", lambda one: self._said(one))  # noqa: PLW0108 - the library writes on what it is given
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda one: self._asked(one.url))
        return self

    def _said(self, message: Any) -> None:
        if message.type in {"error", "warning"} and not ("404" in message.text and _probe(message)):
            self.complaints.append(message.text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, "blob:", "data:")):
            self.strangers.append(url)

    def open(self, path: str = "/") -> Tab:
        """Open a page of the console and wait until it stands."""
        self.page.goto(f"{self.url}/console{path}")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until nothing is grey any more."""
        self.page.locator("h1").first.wait_for()
        self.until("!document.querySelector('.skeleton, [aria-busy]')")

    def until(self, condition: str) -> Any:
        """Wait until an expression is true, and return it; what the browser evaluates itself, the policy forbids."""
        ends = time.monotonic() + PATIENCE_MS / 1000
        while not (found := self.page.evaluate(condition)):
            assert time.monotonic() < ends, condition
            self.page.wait_for_timeout(50)
        return found

    def shoot(self, name: str) -> None:
        """Keep a picture for people to leaf through, in `VIDEOVECTOR_SCREENSHOTS` or `.cache/screenshots`."""
        folder = Path(os.environ.get("VIDEOVECTOR_SCREENSHOTS", ROOT / ".cache" / "screenshots"))
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png")

    def findings(self) -> list[str]:
        """Return what the accessibility check finds serious or critical."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in found["violations"]
            if one["impact"] in GRAVE
        ]

    def close(self) -> None:
        """Close the page; it must have kept to its policy and to its server."""
        self.page.close()
        assert self.strangers == []
        assert [one for one in self.complaints if not self.expected(one)] == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium of the machine; while it is open a loop runs in this thread, so it ends before anyone else's tests."""
    chromium = needs_program("chromium")
    needs(find_spec("playwright"), "the package playwright: make setup")
    sync_api: Any = import_module("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture(scope="session")
def axe() -> None:
    """The accessibility check; absent, the test is skipped (fails where `CI` is set)."""
    needs(AXE.is_file(), "axe-core in tests/node/node_modules: make test, with npm")


@pytest.fixture(scope="module")
def state(browser: Any, server: Server) -> Any:
    """The session of a signed-in user, opened once through the page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url, wait_until="domcontentloaded")
    page.get_by_label("API key or token").fill(server.run("token", "--user", "owner"))
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("navigation", name="Console").wait_for()
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def tabs(browser: Any, server: Server, state: Any) -> Iterator[Callable[..., Tab]]:
    """Open tabs that are logged in; each is closed, and asked whether all went well, at the end."""
    opened: list[tuple[Any, Tab]] = []

    def open_tab(*, logged_in: bool = True, **options: Any) -> Tab:
        context = browser.new_context(storage_state=state if logged_in else None, **options)
        context.set_default_timeout(PATIENCE_MS)
        tab = Tab(context.new_page(), server.url).listen()
        opened.append((context, tab))
        return tab

    yield open_tab
    for context, tab in opened:
        tab.close()
        context.close()


@pytest.fixture
def tab(tabs: Callable[..., Tab]) -> Tab:
    """One tab."""
    return tabs()
