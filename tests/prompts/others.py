"""Contracts as people write them for their own media, none of them looked at while the extractors were written."""

from __future__ import annotations

from typing import Any, Final

from tests.prompts.thirty import STRING, many, of, one_of

COUNT = {"type": "integer", "minimum": 0}
FLAG = {"type": "boolean"}
PLAYER = of("team", team=one_of("home", "away"), jersey={"type": "integer", "minimum": 0, "maximum": 99})
SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "shelf audit": {
        **of(
            *("store_section", "facings"),
            store_section=one_of("dairy", "produce", "bakery", "unknown"),
            facings=many(
                {
                    **of(
                        *("brand", "count"),
                        brand=STRING,
                        count={"type": "integer", "minimum": 0, "maximum": 500},
                        price={"type": ["number", "null"], "minimum": 0},
                        **{"product name": {"type": "string", "maxLength": 80}},
                    ),
                    "additionalProperties": False,
                },
                maxItems=20,
            ),
            compliance={"type": "number", "minimum": 0, "maximum": 100},
        ),
        "additionalProperties": False,
    },
    "play by play": of(
        "plays",
        period=one_of(1, 2, 3, 4, kind="integer"),
        plays=many(
            of(
                "kind",
                kind=one_of("pass", "shot", "foul", "other"),
                players=many(PLAYER),
                points=one_of(1, 2, 3, None, kind=["integer", "null"]),
            )
        ),
    ),
    "news": of(
        *("headline", "topics"),
        headline={"type": "string", "minLength": 5, "maxLength": 120},
        topics=many(one_of("politics", "economy", "sports", "weather", "culture"), minItems=1, maxItems=3),
        people_quoted=many(of("name", "quotes", name=STRING, quotes=many(STRING, maxItems=5))),
        breaking=FLAG,
        date={"type": "string", "format": "date"},
    ),
    "a flag six levels down": of(
        operation=of(phase=of(step=of(tool=of(tip=of("visible", visible=FLAG))))),
    ),
    "ratings in halves": of("quality", quality=one_of(0, 0.5, 1, 1.5, 2, kind="number"), lux={"type": "integer"}),
    "chapters": of(
        "chapter",
        chapter=of("name", name=STRING, slides=many(of(bullets=many(STRING), formulas=many(of("tex", tex=STRING))))),
    ),
    "equipment": {
        **of(
            *("worn", "severity"),
            worn={**of("helmet", **dict.fromkeys(("helmet", "vest", "gloves"), FLAG)), "additionalProperties": False},
            severity={"type": "integer", "minimum": 1, "maximum": 5},
            note={"type": ["string", "null"], "maxLength": 200},
        ),
        "additionalProperties": False,
    },
    "open inside and outside": {
        **of(summary=STRING, extra={"type": "object", "additionalProperties": True}),
        "additionalProperties": True,
    },
    "exactly two": of("pair", pair=many(STRING, minItems=2, maxItems=2), none=many(STRING, maxItems=0)),
    "everything may be null": of(
        *("a", "b", "c", "d"),
        a={"type": ["null", "string"]},
        b={"type": ["null", "integer"]},
        c={"type": ["null", "array"], "items": {"type": ["null", "string"]}},
        d={**of("e", e={"type": ["null", "number"]}), "type": ["null", "object"]},
    ),
    "names of other things": of(
        "scene-type",
        **{
            "scene-type": STRING,
            "number of people": COUNT,
            "Is Outdoor": FLAG,
            "constructor": STRING,
            "toString": STRING,
        },
        length=COUNT,
        items=many(STRING),
        properties=of("type", type=STRING),
    ),
    "like an answer about several": of(
        "answers", answers=many(of("segment", segment=COUNT, document=of(x=STRING)), minItems=1)
    ),
    "moods in other scripts": of("mood", mood=one_of("fröhlich", "wütend", "日本語", "emoji 😀")),
    "one choice each": of(
        *("v", "b", "n"), v=one_of("1.0"), b=one_of(True, kind="boolean"), n=one_of(None, kind=["integer", "null"])
    ),
    "texts like numbers": of(
        "flag", zip={"type": "string", "pattern": "^[0-9]{5}$"}, flag=one_of("true", "false", "null")
    ),
    "a hundred and twenty fields": of(
        **{f"field {n}": (STRING, {"type": "integer", "minimum": n}, FLAG, many(STRING))[n % 4] for n in range(120)}
    ),
}
