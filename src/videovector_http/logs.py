"""Logs: one line per event, with the request's id, for people or as JSON; secrets do not get in.

Secrets are masked three times over: values of the types that hold them show themselves as `***`, fields whose name says
that they are secret are masked whatever they hold, and what looks like one of our credentials is cut out of the text.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal

import structlog
from pydantic import SecretBytes, SecretStr
from structlog.typing import Processor

from videovector_core.access.secrets import MASK, Secret

_NAMES: Final = re.compile(
    r"secret|token|password|authorization|cookie|api.?key|credential|signature|access.?key", re.IGNORECASE
)
_LOOKS: Final = re.compile(
    r"(?P<kept>sk_live_|whsec_|pm2\.|(?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{6,}"
    r"|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
)


def configure(level: str = "info", form: Literal["text", "json"] = "text") -> None:
    """Send every log line of the process, ours and those of libraries, to standard error in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        masked,
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, scrubbed],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def masked(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask by type and by name, at every depth."""
    return {name: _mask(name, value) for name, value in event.items()}


def _mask(name: str, value: Any) -> Any:
    if isinstance(value, Secret | SecretStr | SecretBytes) or (value and _NAMES.search(name) and name != "event"):
        return MASK
    if isinstance(value, Mapping):
        return {key: _mask(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(name, one) for one in value]
    return value


def scrubbed(_: Any, __: str, line: Any) -> str:
    """Cut out what looks like a credential, and keep one event on one line unless it is a traceback of ours."""
    return _LOOKS.sub(lambda found: f"{found['kept'] or ''}{MASK}", str(line))
