"""Secrets given to a real server are in nothing that it writes or shows: tables with their events, log lines, exports, numbers."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PIL import Image

from tests.http.world import CONNECTOR, PROMPT
from tests.server import Server, free_port
from tests.stub_model import Call, Reply, StubModel

OPERATORS: Final = {
    "VIDEOVECTOR_OPENAI_API_KEY": "sk-proj-c4a1c4a1c4a1c4a1c4a1",
    "VIDEOVECTOR_METRICS_TOKEN": "metrics-c4a1c4a1c4a1c4a1",
    "VIDEOVECTOR_SECRET_KEY": base64.b64encode(b"key c4a1c4a1c4a1c4a1 of a server").decode(),
}
PUBLIC: Final = "https://films.example"
GIVEN: Final = {name: f"{name}-c4a1c4a1c4a1c4a1c4a1" for name in ("s3", "azure")}
ACCOUNT: Final = {
    "type": "service_account",
    "client_email": "a@b.example",
    "token_uri": "https://oauth2.googleapis.com/token",
}
HOOK: Final[dict[str, Any]] = {
    "name": "w",
    "url": f"https://127.0.0.1:{free_port()}/hook",
    "events": ["media.created"],
}


def echoing(call: Call, _: int) -> Reply | None:
    """Refuse to extract, and repeat the key that was shown, as endpoints do."""
    said = f"Incorrect API key provided: {OPERATORS['VIDEOVECTOR_OPENAI_API_KEY']}."
    wrong = {"error": {"message": said, "type": "invalid_request_error", "code": "invalid_api_key"}}
    return Reply(status=401, body=wrong) if call.path.endswith("/chat/completions") else None


@pytest.fixture
def stub() -> Iterator[StubModel]:
    """An endpoint that repeats the key in what it refuses with."""
    with StubModel(script=echoing) as one:
        yield one


@pytest.fixture
def server(tmp_path: Path, stub: StubModel) -> Iterator[Server]:
    """A server that has been given secrets by its operator, and logs all it can."""
    environment = {
        **OPERATORS,
        "VIDEOVECTOR_EGRESS_ALLOW": "127.0.0.0/8",
        "VIDEOVECTOR_LOG_LEVEL": "debug",
        "VIDEOVECTOR_PUBLIC_URL": PUBLIC,
        "VIDEOVECTOR_OPENAI_BASE_URL": stub.url,
        "VIDEOVECTOR_EXTRACTION_MODEL": "openai:stub",
        "VIDEOVECTOR_TEXT_EMBEDDING_MODEL": "openai:stub",
        "VIDEOVECTOR_TRANSCRIPTION_MODEL": "none",
        "VIDEOVECTOR_IMAGE_EMBEDDING_MODEL": "none",
        "VIDEOVECTOR_PICTURE_MODEL": "none",
    }
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


def until(client: httpx.Client, path: str, field: str, *ends: str) -> Any:
    """Return what a path answers once a field of it has one of these values."""
    deadline = time.monotonic() + 120
    while True:
        found = ok(client.get(path))
        if found[field] in ends:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def picture() -> bytes:
    """Return a small picture."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    return out.getvalue()


def worked(server: Server, picture: bytes) -> tuple[dict[str, str], list[str]]:
    """Have the server do what it is for; return the secrets of links that it signed, and all that it answered."""
    with server.http() as client:
        index = ok(client.post("/indexes", json={"name": "films"}))["index_id"]
        files = {"file": ("a.png", picture, "image/png")}
        video = ok(client.post("/videos/upload", files=files, data={"title": "A", "index_id": index}))
        prompt = ok(client.post("/prompts", json=PROMPT))["prompt_id"]
        target = {"prompt_id": prompt, "target": {"type": "index", "index_id": index}}
        run = ok(client.post("/prompt-runs/execute", json=target))["run_id"]
        ended = until(client, f"/prompt-runs/{run}", "status", "completed", "completed_with_errors", "failed")
        export = ok(client.post(f"/exports/index/{index}", json={}))["export_id"]
        exported = until(client, f"/exports/{export}", "status", "completed", "failed")
        link = ok(client.post("/videos/signed-url", json={"gcs_uri": video["video_uri"]}))["signed_url"]
        got = ok(client.post(f"/exports/{export}/download-url"))["download_url"]
        paths = (
            f"/prompt-runs/{run}/llm-calls",
            f"/prompt-runs/{run}/failed-segments",
            "/connectors",
            "/webhooks",
            "/api-keys",
        )
        answers = [client.get(one.replace(PUBLIC, server.url)) for one in (link, got)]
        assert [one.status_code for one in answers] == [200, 200]
        answers += [client.get(path) for path in paths]
        metrics = {"Authorization": f"Bearer {OPERATORS['VIDEOVECTOR_METRICS_TOKEN']}"}
        answers.append(client.get(f"{server.url}/metrics", headers=metrics))
    assert exported["status"] == "completed", exported
    shown = [json.dumps([ended, exported]), *(one.content.decode("latin-1") for one in answers)]
    return {"link": link.partition("token=")[2], "download": got.partition("token=")[2]}, shown


def spellings(secret: str) -> list[bytes]:
    """Return a secret as it may be stored without being protected."""
    raw = secret.encode()
    return [raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-2]]


@pytest.mark.real
@pytest.mark.timeout(400)
def test_nothing_holds_a_secret(server: Server, stub: StubModel) -> None:
    """What operators, callers and the server itself hold secret is in no file and no answer, plain, in hex or in base64."""
    secrets = {**OPERATORS, **GIVEN, **planted(server)}
    links, shown = worked(server, picture())
    secrets |= links
    assert any(call.path.endswith("/chat/completions") for call in stub.calls)
    assert all(len(one) >= 20 for one in secrets.values())
    assert not [(name, text[:300]) for name, one in secrets.items() for text in shown if one in text]
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
