"""`videovector webhooks listen`: a receiver that verifies what it gets and prints it, one line of JSON each."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Final

import uvicorn
from attrs import frozen

from videovector_core.errors import Unauthenticated
from videovector_core.webhooks.signing import verify

MAX_BODY: Final = 1024 * 1024


@frozen
class Listener:
    """Answers 204 to what is signed with the secret, and 401 to everything else."""

    secret: str

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one delivery."""
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more and len(body) <= MAX_BODY:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status = self.judged(headers, body)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def judged(self, headers: dict[str, str], body: bytes) -> int:
        """Print a delivery that verifies, and say why another one does not; return the status of the answer."""
        try:
            verify(self.secret, headers, body, now=time.time())
        except Unauthenticated as error:
            sys.stderr.write(f"refused: {error}\n")
            return 401
        told = {"delivery_id": headers.get("x-delivery-id"), "webhook_id": headers.get("x-webhook-id")}
        sys.stdout.write(json.dumps({**told, "payload": json.loads(body)}) + "\n")
        sys.stdout.flush()
        return 204


async def listen(host: str, port: int, secret: str) -> int:
    """Receive until a signal arrives."""
    sys.stderr.write(f"listening on http://{host}:{port}\n")
    config = uvicorn.Config(Listener(secret), host=host, port=port, log_config=None, access_log=False, lifespan="off")
    await uvicorn.Server(config).serve()
    return 0
