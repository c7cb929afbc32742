"""Writes the page: `python -m tests.clients.conformance > docs/reference/compatibility.md`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.clients.conformance.table import page
from tests.clients.conformance.walks import walked
from tests.clients.conformance.world import world

with tempfile.TemporaryDirectory() as home, world(Path(home)) as around:
    told = walked(around)
sys.stdout.write(page({head: one["rows"] for head, one in told.items()}))
sys.stderr.write("".join(f"{head}: {wrong}\n" for head, one in told.items() for wrong in one["failed"]))
