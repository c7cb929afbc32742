"""Whoever verifies as documented accepts what is sent and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tests.needs import needs, needs_program
from videovector_core.errors import Unauthenticated
from videovector_core.webhooks import signing

NOW = 1_800_000_000
ROUNDS = 1000

NODE = """
const crypto = require('crypto');
const cases = JSON.parse(require('fs').readFileSync(0));
process.stdout.write(JSON.stringify(cases.map(({secret, body, signature}) => {
  const digest = crypto.createHmac('sha256', secret).update(Buffer.from(body, 'base64')).digest('hex');
  const expected = Buffer.from('sha256=' + digest), given = Buffer.from(signature);
  return expected.length === given.length && crypto.timingSafeEqual(expected, given);
})));
"""

NODE_LIBRARY = """
const { Webhook } = require('standardwebhooks');
const cases = JSON.parse(require('fs').readFileSync(0));
process.stdout.write(JSON.stringify(cases.map(({secret, body, headers}) => {
  const wanted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  try { new Webhook(secret).verify(Buffer.from(body, 'base64'), wanted); return true; } catch { return false; }
})));
"""
PACKAGES = Path(__file__).parents[1] / "node" / "node_modules"


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Make a random JSON value: Unicode, half surrogates, floats, big numbers, deep nesting."""
    kind = chance.randrange(8 if depth < 6 else 6)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return chance.randrange(-(10**20), 10**20)
    if kind == 2:
        return chance.choice([chance.uniform(-1e9, 1e9), 1e22, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2])
    if kind < 6:
        return "".join(chr(chance.choice([chance.randrange(32, 127), chance.randrange(0x110000)])) for _ in range(9))
    if kind == 6:
        return [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {str(anything(chance, 9)): anything(chance, depth + 1) for _ in range(chance.randrange(4))}


def payload(chance: random.Random) -> dict[str, Any]:
    """Make an envelope around something random."""
    return {"id": "evt_1", "event": "media.created", "data": {"x": anything(chance), "y": anything(chance)}}


def mutated(body: bytes, chance: random.Random) -> bytes:
    """Change one bit."""
    at = chance.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << chance.randrange(8))]) + body[at + 1 :]


def test_the_snippet_of_the_api_reference_accepts_every_payload() -> None:
    """What a receiver parsed and wrote again has the signature of what was sent; another payload has not."""
    chance, secret = random.Random(1), signing.new_secret()
    for _ in range(ROUNDS):
        body = signing.canonical(payload(chance)).encode()
        received_signature = signing.headers([secret], "evt_1", NOW, body)[signing.SIGNATURE]
        received = json.loads(body)
        payload_json = json.dumps(received, sort_keys=True)
        expected = hmac.new(secret.encode("utf-8"), payload_json.encode("utf-8"), hashlib.sha256).hexdigest()
        assert received_signature == f"sha256={expected}"
        received["data"]["z"] = 1
        payload_json = json.dumps(received, sort_keys=True)
        expected = hmac.new(secret.encode("utf-8"), payload_json.encode("utf-8"), hashlib.sha256).hexdigest()
        assert received_signature != f"sha256={expected}"


def test_the_library_of_standard_webhooks_accepts_every_payload_and_no_mutation() -> None:
    """Its Python library accepts 1,000 of 1,000 and rejects 1,000 of 1,000."""
    chance, secret = random.Random(2), signing.new_secret()
    library = Webhook(secret)
    for _ in range(ROUNDS):
        body = signing.canonical(payload(chance)).encode()
        headers = signing.headers([secret], "evt_1", int(time.time()), body)
        library.verify(body, headers)
        with pytest.raises((WebhookVerificationError, UnicodeDecodeError)):
            library.verify(mutated(body, chance), headers)


def test_raw_bytes_verify_in_node() -> None:
    """An HMAC over the raw body in Node accepts 1,000 of 1,000 and rejects 1,000 of 1,000."""
    node = needs_program("node", hint="install Node.js")
    chance, secret = random.Random(3), signing.new_secret()
    cases, expected = [], []
    for _ in range(ROUNDS):
        body = signing.canonical(payload(chance)).encode()
        signature = signing.headers([secret], "evt_1", NOW, body)[signing.SIGNATURE]
        for sent, good in ((body, True), (mutated(body, chance), False)):
            cases.append({"secret": secret, "body": base64.b64encode(sent).decode(), "signature": signature})
            expected.append(good)
    done = subprocess.run(
        [node, "-e", NODE], input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == expected


@pytest.mark.real
def test_the_library_of_standard_webhooks_for_node_accepts_every_payload_and_no_mutation() -> None:
    """The package of the same name for Node accepts 1,000 of 1,000 and rejects 1,000 of 1,000."""
    node = needs_program("node", hint="install Node.js")
    needs((PACKAGES / "standardwebhooks").is_dir(), "the packages of tests/node: make test, with npm")
    chance, secret = random.Random(4), signing.new_secret()
    cases, expected = [], []
    for _ in range(ROUNDS):
        body = signing.canonical(payload(chance)).encode()
        headers = signing.headers([secret], "evt_1", int(time.time()), body)
        for sent, good in ((body, True), (mutated(body, chance), False)):
            cases.append({"secret": secret, "body": base64.b64encode(sent).decode(), "headers": headers})
            expected.append(good)
    done = subprocess.run(
        [node, "-e", NODE_LIBRARY],
        input=json.dumps(cases),
        env={"NODE_PATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == expected


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=200), skew=st.integers(-300, 300))
def test_our_own_verification_accepts_what_is_signed_now(body: bytes, skew: int) -> None:
    """A message of this moment verifies with the present and with the previous secret, and with no other."""
    new, old, other = signing.new_secret(), signing.new_secret(), signing.new_secret()
    headers = signing.headers([new, old], "evt_1", NOW, body)
    for secret in (new, old):
        signing.verify(secret, headers, body, now=NOW + skew)
    for wrong in (
        lambda: signing.verify(other, headers, body, now=NOW),
        lambda: signing.verify(new, headers, body + b" ", now=NOW),
        lambda: signing.verify(new, headers, body, now=NOW + 301),
        lambda: signing.verify(new, {**headers, "webhook-id": "evt_2"}, body, now=NOW),
        lambda: signing.verify(new, {}, body, now=NOW),
    ):
        with pytest.raises(Unauthenticated):
            wrong()
