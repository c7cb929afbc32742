"""One endpoint: its client, and what its errors mean for the work that met them.

The client never tries again by itself (`max_retries=0`): attempts are counted, delayed and shown by the work engine,
and a call that nobody knows of would be paid for twice.
"""

from __future__ import annotations

import contextlib
import email.utils
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import openai
from attrs import define, field
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Usage

CALL_SECONDS: Final = 240.0
"""How long one call may take; less than the time that its work item promises."""
LONGEST_WAIT: Final = 600.0
"""Seconds; an endpoint that asks for more is asked again after these."""


@define
class Endpoint:
    """An endpoint and a key for it. `name` is how a model is called there."""

    base_url: str
    api_key: str = field(repr=False)
    name: str
    seconds: float = CALL_SECONDS
    called: str | None = None
    """How runs and logs call the model, where that is not `openai:` and its name."""
    client: AsyncOpenAI = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.client = AsyncOpenAI(
            base_url=self.base_url, api_key=self.api_key or "none", max_retries=0, timeout=self.seconds
        )

    @property
    def model(self) -> str:
        """How runs and logs call the model."""
        return self.called or f"openai:{self.name}"

    async def close(self) -> None:
        """Let go of its connections."""
        await self.client.close()


def usage(answer: ChatCompletion) -> Usage:
    """Return the tokens that an answer took, none where it does not say."""
    used = answer.usage
    return Usage(used.prompt_tokens, used.completion_tokens) if used else Usage()


def readable(text: str, most: int) -> str:
    """Make a text of at most `most` characters that every endpoint takes: some refuse empty ones."""
    clean = text.encode("utf-8", "replace").decode().replace("\x00", " ")[:most]
    return clean if clean.strip() else "-"


@contextlib.contextmanager
def translated(model: str) -> Iterator[None]:
    """Raise what the client raises as a failure class of a run."""
    try:
        yield
    except openai.APITimeoutError as error:
        raise ProcessingFailed(f"{model} did not answer in time.", code="timeout", transient=True) from error
    except openai.APIConnectionError as error:
        raise ProcessingFailed(f"{model} cannot be reached.", code="model_error", transient=True) from error
    except openai.APIStatusError as error:
        raise _refused(model, error) from error
    except (openai.APIError, ValueError) as error:  # an answer without what was asked for is a ValueError of the client
        raise ProcessingFailed(f"{model} gave no readable answer.", code="model_error", transient=True) from error


def _refused(model: str, error: openai.APIStatusError) -> ProcessingFailed:
    status = error.status_code
    if status == 429:
        wait = retry_after(error.response.headers.get("retry-after"))
        return ProcessingFailed(f"{model} is asked too often.", code="rate_limited", transient=True, retry_after=wait)
    if status in {408, 409, 425} or status >= 500:
        wait = retry_after(error.response.headers.get("retry-after"))
        return ProcessingFailed(
            f"{model} answered with status {status}.", code="model_error", transient=True, retry_after=wait
        )
    return ProcessingFailed(
        f"{model} refused the request (status {status}); check the model's name, its key and the size of the prompt.",
        code="model_error",
    )


def retry_after(value: str | None) -> float | None:
    """Read a `Retry-After` header (RFC 9110 10.2.3): seconds, or a date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None
