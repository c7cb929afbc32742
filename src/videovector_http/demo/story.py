"""What the demo asks: a prompt with a nested schema, and three queries whose answers are known for the built-in clip."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen


@frozen
class Query:
    """A search, and which stretch of the clip (seconds) its best hit has to touch."""

    text: str
    start: float = 0.0
    end: float = float("inf")


PROMPT_NAME: Final = "What is said and shown"
PROMPT_TEXT: Final = (
    "For this segment, write down what is said, who speaks, what the place looks like and every text on the screen."
)
PROMPT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string", "description": "What happens in the segment, in one sentence"},
        "speech": {
            "type": "object",
            "description": "What is said",
            "properties": {
                "transcript": {"type": "string", "description": "The words that are spoken"},
                "places": {
                    "type": "array",
                    "description": "Cities, states and countries that are named",
                    "items": {"type": "string"},
                },
            },
        },
        "objects": {
            "type": "array",
            "description": "Things that can be seen",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string", "description": "Name of the thing"}},
            },
        },
        "on_screen_text": {
            "type": "array",
            "description": "Texts that can be read on the screen",
            "items": {"type": "string"},
        },
    },
}

# Two by what is said, in other words than those that are spoken, and one by what can be read on the screen.
QUERIES: Final = (
    Query("do not give up after a failure", 0.0, 10.0),
    Query("two strangers find out that they come from the same city", 10.0, 26.5),
    Query("credits of the Blender Foundation", 22.5, 28.0),
)
