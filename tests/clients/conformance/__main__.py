"""Writes the page: `python -m tests.clients.conformance > docs/reference/compatibility.md`."""

from __future__ import annotations

import sys

from tests.clients.conformance.table import page
from tests.clients.conformance.walks import CLIENTS, walked

told = walked(list(CLIENTS))
sys.stdout.write(page({head: one["rows"] for head, one in told.items()}))
sys.stderr.write("".join(f"{head}: {wrong}\n" for head, one in told.items() for wrong in one["failed"]))
