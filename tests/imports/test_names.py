"""Keys and patterns: what users write never leads out of where it was meant, and costs no more than its length."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videovector_core.connectors.keys import checked_prefix, joined
from videovector_core.connectors.patterns import Pattern
from videovector_core.errors import Invalid

ESCAPES = [
    "..",
    "../x",
    "a/../b",
    "a/..",
    "./a",
    "a/./b",
    "/a",
    "//a",
    "a//b",
    "a\\b",
    "..\\b",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "%2e%2e/a",
    "%2E%2E",
    "a/%252e%252e/b",
    "a%2fb",
    "a%5cb",
    "a%00b",
    "s3://other",
    "gs://other/key",
    "\uff0e\uff0e/a",
    "\u2025/a",
    "\u2024\u2024/a",
    "a\u2215b",
    "a\u2044b",
    "a\uff0fb",
    "a\uff3cb",
    "a\u202eb",
    "a\u200b/..",
    " .. /a",
    "a/ /b",
    "\ud800",
    "x" * 1025,
]
SENDABLE = [path for path in ESCAPES if "\ud800" not in path]
"""Those that a request can hold at all."""


@pytest.mark.parametrize("path", ESCAPES)
def test_escapes_are_refused(path: str):
    """A path that climbs, is absolute, hides or looks like either is refused as prefix, base, sub-path and pattern."""
    for use in (checked_prefix, Pattern, lambda one: joined(one, "x"), lambda one: joined("base", one, "x")):
        with pytest.raises(Invalid):
            use(path)
    with pytest.raises(Invalid):
        Pattern("*", path)


@given(st.lists(st.text(max_size=12), max_size=4), st.text(min_size=1, max_size=12))
def test_a_joined_key_lies_below_its_base(parts: list[str], name: str):
    """Whatever is joined is refused, or starts with the base and a slash, with plain segments only."""
    try:
        key = joined("base/below", *parts, name).text
    except Invalid:
        return
    assert key.startswith("base/below/")
    assert not {"", ".", ".."} & set(key.split("/"))
    assert "\\" not in key
    assert not any(ord(character) < 32 for character in key)


@given(st.text("ab*?.", min_size=1, max_size=8), st.text("ab.", min_size=1, max_size=8))
def test_a_simple_pattern_matches_like_a_shell(pattern: str, name: str):
    """Stars and question marks on a single name mean what they mean to a shell."""
    try:
        wanted = Pattern(pattern)
    except Invalid:
        return
    assert wanted.matches(f"folder/{name}") == fnmatch.fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    ("pattern", "prefix", "yes", "no"),
    [
        ("*", "", ["a.mp4", "deep/b.mov"], []),
        ("*.{mp4,mov}", "", ["a.mp4", "deep/A.MOV"], ["a.txt", "mp4"]),
        ("day?/*.mp4", "in/", ["in/day1/a.mp4"], ["in/day10/a.mp4", "in/day1/x/a.mp4", "in/a.mp4"]),
        ("**/a.mp4", "", ["a.mp4", "x/y/a.mp4"], ["x/b.mp4"]),
        ("{x,y/{1,2}}/*.mp4", "", ["x/a.mp4", "y/2/a.mp4"], ["y/3/a.mp4", "y/a.mp4"]),
    ],
)
def test_patterns(pattern: str, prefix: str, yes: list[str], no: list[str]):
    """Without a slash the name is matched, with one the path below the prefix; extensions match in either case."""
    wanted = Pattern(pattern, prefix)
    assert [key for key in yes if not wanted.matches(key)] == []
    assert [key for key in no if wanted.matches(key)] == []


def test_no_pattern_is_a_bomb():
    """Nested sets are refused above a number, and stars try again only as often as the name is long."""
    with pytest.raises(Invalid):
        Pattern("{a,b}" * 7)
    with pytest.raises(Invalid):
        Pattern("{" * 40 + "a,b" + "}" * 40 + "{a,b,c,d,e,f,g,h}" * 3)
    assert not Pattern("*a" * 200 + "b").matches("a" * 1000)
    assert not Pattern("**/" * 60 + "b").matches("/".join("a" * 200))
