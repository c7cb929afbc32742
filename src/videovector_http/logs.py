"""Logs: one line per event, with the request's id, for people or as JSON; secrets do not get in.

Secrets are masked three times over: values of the types that hold them show themselves as `***`, fields whose name says
that they are secret are masked whatever they hold, and what looks like one of our credentials is cut out of the text.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO

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
_SIGNS: Final = ("sk_live_", "whsec_", "pm2.", "Bearer ", "Basic ", "eyJ", "://")
"""What every match of `_LOOKS` holds one of: looking for these is ten times as quick, and most lines hold none."""
_HIDING: Final = (Secret, SecretStr, SecretBytes)
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


class Lines(structlog.WriteLogger):
    """Writes finished lines; one that cannot be written is lost, and no request fails for it."""

    def __init__(self, file: TextIO, name: str = "videovector") -> None:
        super().__init__(file)
        self.name = name

    def msg(self, message: str) -> None:
        """Write one line."""
        with contextlib.suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = msg


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
    # not through the loggers of the standard library, which would look for the caller and copy each event twice
    structlog.configure(
        processors=[*shared, renderer, scrubbed],
        logger_factory=functools.cache(functools.partial(Lines, sys.stderr)),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
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
    if value and _tells(name):
        return MASK
    if type(value) in _PLAIN:
        return value
    if isinstance(value, _HIDING):
        return MASK
    if isinstance(value, Mapping):
        return {key: _mask(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(name, one) for one in value]
    return value


@functools.lru_cache(maxsize=1024)
def _tells(name: str) -> bool:
    """Say whether a name says that what it holds is secret."""
    return name != "event" and _NAMES.search(name) is not None


def scrubbed(_: Any, __: str, line: Any) -> str:
    """Cut out what looks like a credential."""
    text = str(line)
    if not any(sign in text for sign in _SIGNS):
        return text
    return _LOOKS.sub(lambda found: f"{found['kept'] or ''}{MASK}", text)
