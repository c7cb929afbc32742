"""The import rules turn red when they are broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("videovector_core", "videovector_adapters", "videovector_http")

BREAKS = {
    "http > adapters > core": {"videovector_core/access/trespass.py": "import videovector_http"},
    "the core imports attrs": {"videovector_core/access/trespass.py": "import msgspec"},
    "jsonschema_rs is reached": {"videovector_http/trespass.py": "import jsonschema_rs"},
    "adapter folders are independent": {
        "videovector_adapters/left/door.py": "import videovector_adapters.right.room",
        "videovector_adapters/right/room.py": "",
    },
    "capabilities look downwards": {"videovector_core/access/trespass.py": "import videovector_core.media.ports"},
    "webhooks stand on events": {
        "videovector_core/webhooks/trespass.py": "import videovector_core.models.ports",
    },
    "no cycles in the core": {
        "videovector_core/access/trespass.py": "import videovector_core.events.trespass",
        "videovector_core/events/trespass.py": "import videovector_core.access.trespass",
    },
    "wire shapes know msgspec": {
        "videovector_http/wire/trespass.py": "import litestar",
    },
    "only modules that start a process": {
        "videovector_http/trespass.py": "import videovector_adapters.wiring",
    },
}


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    """Check the import rules of the packages under `house/src`."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": f"{house}/src{os.pathsep}{ROOT}", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the rules and of the sources that a test may spoil."""
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for package in PACKAGES:
        kept = shutil.ignore_patterns("__pycache__", "*.sql", "console", "static")
        shutil.copytree(ROOT / "src" / package, tmp_path / "src" / package, ignore=kept)
    return tmp_path


def broken(output: str) -> list[str]:
    """List the rules that were reported as broken."""
    return [line for line in output.splitlines() if " BROKEN" in line]


def test_the_house_keeps_its_import_rules(house: Path) -> None:
    """As it stands, no rule is broken."""
    done = lint_imports(house)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", BREAKS)
def test_each_rule_turns_red_when_it_is_broken(house: Path, rule: str) -> None:
    """One import in the wrong place breaks the rule that it offends."""
    for name, text in BREAKS[rule].items():
        path = house / "src" / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(f"{text}\n")
    done = lint_imports(house)
    assert done.returncode != 0
    assert any(line.startswith(rule) for line in broken(done.stdout)), done.stdout + done.stderr
