"""All walks on one server: both published clients, sync and async, each with an account of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
CLIENTS = {"2.0.0": Path(sys.executable), "1.1.0": ROOT / ".venvs" / "sdk1" / "bin" / "python"}
WALKS = [(version, manner) for version in CLIENTS for manner in ("sync", "async")]
SECONDS = 400


def walked(world: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Take all walks, two at a time, and return what each wrote down by its heading."""
    around = dict(world)
    server = around.pop("server")
    heads = [f"{version} {manner}" for version, manner in WALKS]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(heads, pool.map(lambda one: _walk(server, around, *one), WALKS), strict=True))


def _walk(server: Any, around: dict[str, Any], version: str, manner: str) -> dict[str, Any]:
    name = f"walk-{version}-{manner}"
    token = server.run("token", "--user", name)
    made = httpx.post(
        f"{around['base_url']}/api-keys",
        json={"name": name, "scopes": ["admin"]},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    given = {
        **around,
        "name": name,
        "token": token,
        "key": made.raise_for_status().json()["key"],
    }
    done = subprocess.run(
        [CLIENTS[version], "-m", "tests.clients.conformance.walk", manner],
        input=json.dumps(given),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["version"] == version
    return told
