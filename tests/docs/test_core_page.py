"""The service of the page stands on the core alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, blocks

ALLOWED = {"attr", "attrs", "jsonschema_rs", "videovector_core", "videovector_adapters", "typing_extensions"}
TOLD = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"


def test_the_service_needs_the_core_alone(tmp_path: Path) -> None:
    """The example runs, and loads nothing but the core, the adapters in memory and the two libraries of the base install."""
    (service,) = [one for one in blocks(Path("docs/how-to/use-the-core.md")) if "class Archive" in one.text]
    paths = [str(ROOT / "src"), *(path for path in sys.path if "site-packages" in path)]
    code = f"import sys; sys.path[:0] = {paths!r}\n{service.text}{TOLD}"
    done = subprocess.run(  # -S leaves out what the environment imports by itself
        [sys.executable, "-S", "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = {name for name in done.stdout.split() if name not in sys.stdlib_module_names and name[0] != "_"}
    assert loaded <= ALLOWED
