"""Media come and results go: connectors, imports, automations and exports, all by the dialogs of the console."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.conftest import Tab
from tests.server import Server

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, shared_media: Path) -> Path:
    """A directory that the operator has opened, with one picture in it."""
    place = tmp_path_factory.mktemp("storage")
    name = "photo__scikit-image__chelsea.png"
    (place / "incoming").mkdir()
    (place / "incoming" / name).write_bytes((shared_media / name).read_bytes())
    return place


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Server]:
    """A server whose operator has opened the directory."""
    settings = {"VIDEOVECTOR_LOCAL_CONNECTOR_ROOTS": str(folder)}
    one = Server(tmp_path_factory.mktemp("moving") / "data", settings).start()
    yield one
    assert one.stop() == 0, one.log.read_text()[-4000:]


def test_from_a_storage_and_back(tab: Tab, server: Server, folder: Path, axe: None):
    """A connector is made, tested and browsed; its files are imported, watched for, and results go back into it."""
    page = tab.page
    with server.http() as client:
        index = client.post("/indexes", json={"name": "Arrivals"}).json()["index_id"]
        schema = {"type": "object", "properties": {"headline": {"type": "string"}}}
        prompt = {"name": "Seen", "prompt_text": "Write down what can be seen.", "json_schema": schema}
        prompt_id = client.post("/prompts", json=prompt).json()["prompt_id"]

    connected(tab, folder)
    row = page.get_by_role("row").filter(has_text="Shelf")
    row.get_by_role("button", name="Test").click()
    page.get_by_text("Shelf can be reached.").wait_for()

    row.get_by_role("button", name="Browse").click()
    page.get_by_role("dialog").get_by_text("incoming/photo__scikit-image__chelsea.png").wait_for()
    looked_over(tab, "browse")
    page.get_by_role("button", name="Close").click()

    row.get_by_role("button", name="Import").click()
    page.get_by_label("Begins with").fill("incoming/")
    looked_over(tab, "import")
    page.get_by_role("dialog").get_by_role("button", name="Import").click()
    page.get_by_text("The import has begun.").wait_for()
    tab.open(f"/indexes/{index}")
    arrived(tab)

    watched(tab)
    with server.http() as client:
        target = {"type": "index", "index_id": index}
        run = client.post("/prompt-runs/execute", json={"prompt_id": prompt_id, "target": target}).json()["run_id"]
        until(lambda: client.get(f"/prompt-runs/{run}").json()["status"] == "completed")
    exported(tab)
    assert {one.suffix for one in (folder / "out").rglob("*") if one.is_file()} == {".csv", ".sha256"}


def connected(tab: Tab, folder: Path) -> None:
    """Make a connector; what a wrong one is refused for stands in the dialog."""
    page = tab.page
    tab.expected = lambda text: "422" in text
    tab.open("/connectors")
    page.get_by_role("button", name="New connector").first.click()
    looked_over(tab, "connector-s3")
    for kind in ("gcs", "azure", "local"):
        page.get_by_label("Kind").select_option(kind)
        looked_over(tab, f"connector-{kind}")
    page.get_by_label("Name").fill("Shelf")
    page.get_by_label("Directory").fill("/etc")
    page.get_by_label("Export to it").check()
    page.get_by_role("button", name="Create").click()
    page.get_by_role("dialog").get_by_role("alert").wait_for()
    page.get_by_label("Directory").fill(str(folder))
    page.get_by_role("button", name="Create").click()
    page.get_by_text("Shelf is made.").wait_for()


def arrived(tab: Tab) -> None:
    """Wait until the page of the index shows what was imported."""

    def there() -> bool:
        tab.page.reload()
        tab.settle()
        return bool(tab.page.locator("a.media").count())

    until(there)


def watched(tab: Tab) -> None:
    """Set up both automations of the index, and pause one."""
    page = tab.open("/automations").page
    for kind in ("import", "export"):
        page.get_by_role("button", name=f"Set up the {kind} of Arrivals").click()
        if kind == "import":
            page.get_by_label("Begins with").fill("later/")
            page.get_by_label("Run").select_option(label="Seen")
        else:
            page.get_by_label("On", exact=True).uncheck()
        looked_over(tab, f"automation-{kind}")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name=f"Change the {kind} of Arrivals").wait_for()
    page.get_by_role("button", name="Pause the import of Arrivals").click()
    page.get_by_role("button", name="Resume the import of Arrivals").wait_for()
    tab.shoot("automations-set")


def exported(tab: Tab) -> None:
    """Deliver the results of the index to the connector, and others to this browser."""
    page = tab.open("/exports").page
    page.get_by_role("button", name="New export").first.click()
    page.get_by_label("Format").select_option("csv")
    page.get_by_label("Goes to").select_option(label="Shelf")
    page.get_by_label("Folder (for a connector)").fill("out/")
    looked_over(tab, "export")
    page.get_by_role("button", name="Export", exact=True).click()
    page.get_by_role("row").filter(has_text="completed").wait_for()
    page.get_by_role("button", name="New export").first.click()
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    assert saved.value.path().stat().st_size > 0
    tab.shoot("exports-done")


def looked_over(tab: Tab, name: str) -> None:
    """See that a dialog can be read by all, and keep a picture of it."""
    assert tab.page.get_by_role("dialog").count() == 1
    assert tab.findings() == [], name
    tab.shoot(f"dialog-{name}")


def until(there: Callable[[], Any]) -> None:
    """Wait for something that a server does by itself."""
    ends = time.monotonic() + 120
    while not there():
        assert time.monotonic() < ends
        time.sleep(0.3)
