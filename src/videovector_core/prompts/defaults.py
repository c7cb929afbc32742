"""Prompts that come with the server: everybody may run them, nobody may change them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from videovector_core.prompts.model import SYSTEM_USER, Prompt

_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _list(description: str, item: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": item or {"type": "string"}}


DEFAULT_PROMPTS: Final = (
    Prompt(
        "prompt_default_description",
        SYSTEM_USER,
        "General description",
        "Describe what happens in this media segment: what is said, what is shown, and where it takes place.",
        {
            "type": "object",
            "properties": {
                "headline": _text("The most telling sentence about this segment."),
                "summary": _text("What happens, in one to three sentences."),
                "location": _text("Where it takes place."),
                "keywords": _list("The most important words."),
            },
        },
        _SINCE,
        description="A headline, a summary, the place and keywords of each segment.",
    ),
    Prompt(
        "prompt_default_people_objects",
        SYSTEM_USER,
        "People and objects",
        "List the people and the objects that can be seen in this media segment, and any text on screen.",
        {
            "type": "object",
            "properties": {
                "objects": _list("Things that can be seen."),
                "on_screen_text": _list("Text that can be read in the picture."),
                "people": _list(
                    "People who can be seen or who speak.",
                    {
                        "type": "object",
                        "properties": {"name": _text("Their name."), "role": _text("What they do here.")},
                    },
                ),
            },
        },
        _SINCE,
        description="Who and what can be seen, and what can be read.",
    ),
    Prompt(
        "prompt_default_speech",
        SYSTEM_USER,
        "Speech summary",
        "Summarise what is said in this media segment and quote the sentence that matters most.",
        {
            "type": "object",
            "properties": {
                "topic": _text("What the speaker talks about."),
                "quote": _text("The sentence that matters most, word for word."),
                "keywords": _list("The most important spoken words."),
            },
        },
        _SINCE,
        description="Topic, quote and keywords of what is said.",
    ),
)
