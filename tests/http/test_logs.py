"""Lines of the log: what is secret in them is masked, and one that cannot be written breaks nothing."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.http.api import serving
from tests.http.logged import logged
from videovector_core.access.secrets import MASK, Secret
from videovector_http import logs

PIECES = ["sk_live_", "whsec_", "pm2.", "Bearer ", "Basic ", "eyJ", "://", "abcdef", "a.b", ":", "@", " ", "/", "é\n"]


@pytest.fixture
def stream(monkeypatch):
    """What is written to standard error, from level `info` on as JSON."""
    yield from logged(monkeypatch, "info")


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_lines_without_a_sign_hold_no_credential(text):
    """Looking for signs first changes no line: one that holds none of them holds no credential either."""
    assert logs.scrubbed(None, "", text) == logs._LOOKS.sub(lambda found: f"{found['kept'] or ''}{MASK}", text)


@pytest.mark.parametrize("hidden", [Secret("canary"), SecretStr("canary"), Secret("")])
def test_secrets_are_masked_under_any_name(hidden):
    """A value of a type that hides is masked whatever its field is called, however deep it lies."""
    found = logs.masked(None, "", {"a": hidden, "b": [{"c": (hidden,)}], "token": "x", "event": "token", "n": None})
    assert found == {"a": MASK, "b": [{"c": [MASK]}], "token": MASK, "event": "token", "n": None}


def test_our_lines_and_those_of_libraries_are_alike(stream):
    """A line has its level, its logger and its moment, whoever wrote it; what is below the level is not written."""
    structlog.get_logger("ours").info("one")
    structlog.get_logger("ours").debug("none")
    logging.getLogger("theirs").info("two")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(one["event"], one["level"], one["logger"]) for one in lines] == [
        ("one", "info", "ours"),
        ("two", "info", "theirs"),
    ]
    assert {"timestamp"} <= set(lines[0]) & set(lines[1])


async def test_a_log_that_is_gone_breaks_no_request(stream):
    """When nobody reads the log any more, requests are answered as before."""
    async with serving() as api:
        stream.close()
        assert (await api.client.get("/indexes")).status_code == 200
