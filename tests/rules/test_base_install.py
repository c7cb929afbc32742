"""The base install: the core and the in-memory adapters, on attrs and jsonschema-rs alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {"attr", "attrs", "jsonschema_rs"}

WHOLE = """
import asyncio
from videovector_adapters import memory
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
vv = VideoVector(memory.ports())
caller = Caller(asyncio.run(vv.access.ensure_user("me")).user_id)
print(asyncio.run(vv.indexes.create(caller, name="Archive")).name)
"""
EXTRAS = {
    "av": "media",
    "dramatiq": "worker",
    "duckdb": "sql",
    "local": "local",
    "openai": "openai",
    "postgres": "postgres",
    "qdrant": "qdrant",
}


def test_the_core_imports_two_libraries():
    """Importing the whole core pulls in no third-party module beyond the two allowed."""
    code = "import sys, videovector_core.app; print(*{name.partition('.')[0] for name in sys.modules})"
    found = subprocess.run([sys.executable, "-S", "-c", _with_paths(code)], capture_output=True, text=True, check=True)
    strangers = {name for name in found.stdout.split() if name not in sys.stdlib_module_names and name[0] != "_"}
    assert strangers <= ALLOWED | {"videovector_core", "jsonschema_rs", "typing_extensions"}, strangers


@pytest.mark.real
@pytest.mark.timeout(240)
def test_the_base_install_stands_alone(tmp_path: Path):
    """In an empty virtual environment `pip install .` is enough for `VideoVector(memory.ports())`."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", ROOT, source], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", source], check=True, capture_output=True)
    done = subprocess.run([python, "-c", WHOLE], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout == "Archive\n", done.stderr
    for folder, extra in EXTRAS.items():
        code = f"import videovector_adapters.{folder}"
        failed = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert f"videovector-core[{extra}]" in failed.stderr, (folder, failed.stderr)


def _with_paths(code: str) -> str:
    return f"import sys; sys.path[:] = {sys.path!r}; {code}"
