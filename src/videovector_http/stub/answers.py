"""What the endpoint says: the same for the same question, and made up."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import struct
import wave
from collections.abc import Mapping
from typing import Any, Final

WORDS: Final = (
    *("harbour", "kitchen", "stadium", "forest", "studio"),
    *("market", "bridge", "desert", "library", "airport"),
)
SPOKEN_SECONDS: Final = 5.0
"""How long each sentence of a made-up transcript lasts."""
_SCHEMA: Final = re.compile(r"<schema>\s*(.*?)\s*</schema>", re.DOTALL)

_EVIDENCE: Final = re.compile(r"<evidence>\s*(\{.*?\})\s*</evidence>", re.DOTALL)


def filled(schema: Mapping[str, Any], seed: str, said: str = "") -> Any:
    """Make a value that fits a schema, the same one for the same seed; patterns are not looked at.

    Free strings quote what was `said`, and are made up where that is empty.
    """
    if "enum" in schema:
        return schema["enum"][number(seed) % len(schema["enum"])]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")
    if kind == "object":
        return {name: filled(part, f"{seed}/{name}", said) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        count = min(max(1, schema.get("minItems", 1)), schema.get("maxItems", 1_000))
        return [filled(schema.get("items", {"type": "string"}), f"{seed}/{place}", said) for place in range(count)]
    if kind == "string":
        text = (said or f"a {WORDS[number(seed) % len(WORDS)]}").ljust(schema.get("minLength", 0), ".")
        return text[: schema["maxLength"]] if "maxLength" in schema else text
    if kind == "boolean":
        return bool(number(seed) % 2)
    value = number(seed) % 10 if kind == "integer" else number(seed) % 100 / 10
    value = max(value, schema.get("minimum", value))
    return min(value, schema.get("maximum", value))


def answered(schema: Mapping[str, Any], text: str, *, quotes: bool) -> Any:
    """Fill the schema of a question; `quotes` says whether from its evidence.

    A question about several segments gets an answer for each, by its number and from its own evidence.
    """
    block = _EVIDENCE.search(text)
    found = json.loads(block[1]) if block else {}
    document = filled(schema, text, _said(found) if quotes else "")
    parts = [part for part in found.get("segments", ()) if "segment" in part]
    for part, answer in zip(parts, document.get("answers", ()), strict=False):
        answer["segment"] = part["segment"]
        if quotes:
            wanted = schema["properties"]["answers"]["items"]["properties"]["document"]
            answer["document"] = filled(wanted, text, _said(part))
    return document


def _said(found: Mapping[str, Any]) -> str:
    """Return what was spoken, or can be read, in a segment; 300 characters of it at the most."""
    lines = [*found.get("speech", ()), *found.get("text_on_screen", ())]
    return " ".join(line["text"] for line in lines)[:300]


def asked_schema(body: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """Return the schema of a question: that of its response format, else the one written out in its text."""
    named = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if named is not None:
        return dict(named)
    written = _SCHEMA.search(text)
    found = json.loads(written[1]) if written else {"type": "object"}
    return dict(found)


def embeddings(body: Mapping[str, Any], dimensions: int) -> dict[str, Any]:
    """Answer `/embeddings`, as floats or as base64."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    size = int(body.get("dimensions") or dimensions)
    data = [
        {"object": "embedding", "index": place, "embedding": _vector(text, size, body.get("encoding_format"))}
        for place, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "model": body["model"], "data": data, "usage": usage}


def transcription(sound: bytes) -> dict[str, Any]:
    """Answer `/audio/transcriptions` in its verbose form: a sentence for every five seconds of the WAV file."""
    try:
        with wave.open(io.BytesIO(sound)) as read:
            seconds = read.getnframes() / read.getframerate()
    except (wave.Error, EOFError):
        seconds = 0.0
    segments: list[dict[str, Any]] = []
    words: list[dict[str, Any]] = []
    at = 0.0
    while at < seconds:
        end = min(at + SPOKEN_SECONDS, seconds)
        said = ["we", "see", "the", WORDS[int(at / SPOKEN_SECONDS) % len(WORDS)]]
        step = (end - at) / len(said)
        words += [{"word": w, "start": at + i * step, "end": at + (i + 1) * step} for i, w in enumerate(said)]
        segments.append({"id": len(segments), "start": at, "end": end, "text": f" {' '.join(said)}."})
        at = end
    text = "".join(segment["text"] for segment in segments).strip()
    return {"task": "transcribe", "language": "english", "duration": seconds, "text": text} | {
        "segments": segments,
        "words": words,
    }


def number(seed: str) -> int:
    """Return a large whole number that only the seed decides."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6])


def _vector(text: str, size: int, encoding: str | None) -> Any:
    raw = b""
    while len(raw) < size:
        raw += hashlib.sha256(f"{text}{len(raw)}".encode()).digest()
    values = [byte / 255 - 0.5 for byte in raw[:size]]
    packed = struct.pack(f"<{size}f", *values)
    return base64.b64encode(packed).decode() if encoding == "base64" else values
