"""Secrets given to a real server are in no file that it writes: tables, write-ahead log, blobs and log lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.http.world import CONNECTOR
from tests.server import Server

OPERATORS: Final = {
    "VIDEOVECTOR_OPENAI_API_KEY": "sk-proj-c4a1c4a1c4a1c4a1c4a1",
    "VIDEOVECTOR_METRICS_TOKEN": "metrics-c4a1c4a1c4a1c4a1",
    "VIDEOVECTOR_SECRET_KEY": base64.b64encode(b"key c4a1c4a1c4a1c4a1 of a server").decode(),
}
GIVEN: Final = {name: f"{name}-c4a1c4a1c4a1c4a1c4a1" for name in ("s3", "azure")}
ACCOUNT: Final = {
    "type": "service_account",
    "client_email": "a@b.example",
    "token_uri": "https://oauth2.googleapis.com/token",
}
HOOK: Final[dict[str, Any]] = {"name": "w", "url": "https://127.0.0.1:9443/hook", "events": ["media.created"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that has been given secrets by its operator, and logs all it can."""
    environment = {**OPERATORS, "VIDEOVECTOR_EGRESS_ALLOW": "127.0.0.0/8", "VIDEOVECTOR_LOG_LEVEL": "debug"}
    one = Server(tmp_path / "data", environment)
    one.data_dir.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    try:
        yield one.start(seconds=180)
    finally:
        if one.process is not None and one.process.poll() is None:
            one.stop()


def ok(answer: httpx.Response) -> Any:
    """Return what was answered."""
    assert answer.status_code < 300, answer.text
    return answer.json()


def planted(server: Server) -> dict[str, str]:
    """Give the server every kind of secret, have it make every kind, use them, and return them by name."""
    azure = {"storage_account": "acc", "container": "con", "tenant_id": "t", "client_id": "c"}
    gcs = {"name": "g", "bucket": "films", "gcp_project_id": "p"}
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    key_file = json.dumps({**ACCOUNT, "private_key": pem.decode()})
    files = {"credentials_file": ("k.json", key_file)}
    token = server.run("token")
    with server.http() as client:
        ok(client.post("/connectors/s3", json={**CONNECTOR, "aws_secret_access_key": GIVEN["s3"]}))
        ok(client.post("/connectors/azure", json={"name": "a", **azure, "client_secret": GIVEN["azure"]}))
        ok(client.post("/connectors/gcs", data=gcs, files=files))
        hook = ok(client.post("/webhooks", json=HOOK, headers={"Idempotency-Key": "w"}))
        rotated = ok(client.post(f"/webhooks/{hook['webhook_id']}/rotate-secret", headers={"Idempotency-Key": "r"}))
        client.post(f"/webhooks/{hook['webhook_id']}/test")
        del client.headers["X-API-Key"]
        signed_in = {"Authorization": f"Bearer {token}"}
        made = ok(client.post("/api-keys", json={"name": "k"}, headers={**signed_in, "Idempotency-Key": "k"}))
        session = ok(client.post("/auth/login", json={"credential": made["key"]}))
        cookie = client.cookies.get(next(iter(client.cookies.keys()))) or ""
        client.get("/indexes", headers={"X-API-Key": made["key"][:-1] + "x"})
        client.get("/indexes", headers={"Authorization": f"Bearer {token}x"})
    return {
        "gcs": pem.decode().splitlines()[5],
        "webhook": hook["secret"],
        "rotated": rotated["new_secret"],
        "key": server.key,
        "made": made["key"],
        "token": token,
        "session": session["csrf_token"],
        "cookie": cookie,
    }


def spellings(secret: str) -> list[bytes]:
    """Return a secret as it may be stored without being protected."""
    raw = secret.encode()
    return [raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-2]]


@pytest.mark.real
def test_no_file_holds_a_secret(server: Server) -> None:
    """What operators, callers and the server itself hold secret is found in no file, plain, in hex or in base64."""
    secrets = {**OPERATORS, **GIVEN, **planted(server)}
    assert all(len(one) >= 20 for one in secrets.values())
    server.stop()
    aside = server.data_dir / "postgres.path"  # where the tables are when the server runs as root
    tables = Path(aside.read_text().strip()) if aside.is_file() else server.data_dir
    folders = {server.data_dir, tables}
    written = [path for folder in folders for path in folder.rglob("*") if path.is_file()] + [server.log]
    assert sum(path.stat().st_size for path in written) > 10_000_000
    seen = 0
    for path in written:
        content = path.read_bytes()
        seen += HOOK["url"].encode() in content
        for name, secret in secrets.items():
            assert not any(one in content for one in spellings(secret)), (name, path)
    assert seen  # what is no secret is found, so the tables are among what was read
