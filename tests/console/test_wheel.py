"""What is installed is what is here: the console needs no build step, and comes with the package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.needs import needs

ASSETS = ROOT / "src" / "videovector_http" / "console" / "assets"


@pytest.mark.real
def test_the_wheel_holds_the_whole_console(tmp_path: Path):
    """Every file of the console is in the built wheel, byte for byte."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    needs("No matching distribution found for hatchling" not in built.stderr, "a package registry that has hatchling")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        held = {name: packed.read(name) for name in packed.namelist() if "/console/assets/" in name}
    here = {str(one.relative_to(ROOT / "src")): one.read_bytes() for one in ASSETS.rglob("*") if one.is_file()}
    assert held == here
