"""The last word on an answer: references that resolve, and nothing that leads elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from videovector_core.chat.citations import GONE, MAX_ANSWER, cite, clean, place, quoted
from videovector_core.chat.model import ResultSet, SetKind, Story, Turn

ROWS = ResultSet("rs1", SetKind.ROWS, "Rows", "call_1", [{"row": {"n": 1}, "context": None}] * 3)
STORY = Story(Turn("turn_1", "session_1", "user_1", 1, "?", datetime(2026, 1, 1, tzinfo=UTC)), sets=(ROWS,))
LINKS = {
    "![x](https://evil.example/p.png?q=key)": "x",
    "[click](http://evil.example)": "click",
    "[a [b] c](http://evil.example/(1))": "a [b] c",
    "[![x](http://evil.example/i)](http://evil.example)": "x",
    "see https://evil.example/a?b=c now": f"see {GONE} now",
    "see HTTPS://EVIL.example": f"see {GONE}",
    "//evil.example/x.png": GONE,
    "www.evil.example": GONE,
    "data:image/png;base64,AAAA": GONE,
    "javascript:alert(1)": f"{GONE})",
    "<img src=x onerror=alert(1)>hello": "hello",
    "<a href='http://evil.example'>hello</a>": "hello",
    "see <http://evil.example>": "see",
    "ht\u200btps://evil.example": GONE,
    "![x][1] and\n[1]: http://evil.example/p.png": "x and",
    "[rs1:1](http://evil.example)": "[rs1:1]",
    "<scr<script>ipt>alert(1)</script>": "alert(1)",
    "![x]\n\n[x]:\n//evil.example/p.png": f"x\n\n[x] :\n{GONE}",
    "[x] and\n> [x]: /\\evil.example": "[x] and",
    "<!-- <b> -->hello<!-- -->": "hello",
    "<img/src=`//evil.example/x` onerror=y": f"< img/src=`{GONE} onerror=y",
    "\u061cht\U000e0041tps://evil.example\ufff9": GONE,
    "ht\u200dtp://evil.example": GONE,
}


def test_links_pictures_and_markup_are_taken_out():
    """Each way to lead a reader elsewhere, or to have their browser ask elsewhere, leaves words at the most."""
    for given_text, left in LINKS.items():
        assert clean(given_text) == left, given_text


def test_plain_words_stay():
    """Comparisons, times, lists and code are no links."""
    for text in (
        "a < b and c > d", "at 12:30, twice", "- one\n- two", "x[0] (first)", "50 % of all: 3/4",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f468\u200d\U0001f467", "\u2764\ufe0f",
    ):  # fmt: skip
        assert clean(text) == text


def test_what_is_no_markup_is_kept_to_its_end():
    """A comparison without spaces loses no word behind it, and lines that begin with a bracket stay."""
    for text, left in (
        ("below x<y it rains [rs1:1], then z>w", "below x< y it rains [rs1:1], then z>w"),
        ("cold <freezing. Then warm [rs1:2]", "cold < freezing. Then warm [rs1:2]"),
        ("[rs1:1]: the cook enters\n[rs1:2]: he leaves", "[rs1:1] : the cook enters\n[rs1:2] : he leaves"),
        ("[Anna]: hello there", "[Anna] : hello there"),
        ("[^1]: a note", "[^1] : a note"),
    ):
        assert clean(text) == left


@given(st.text(alphabet="[]()!<>:/ahtps.w\n \u200b#'\"", max_size=200))
def test_nothing_that_renders_as_a_link_is_left(text):
    """Whatever is put together from the marks of links, no link, picture or tag comes through; cleaning again changes nothing."""
    done = clean(text)
    assert not re.search(r"\]\(|\]\[|https?:/|www\.\S|<[a-z/!?]|\]:", done, re.IGNORECASE), done
    assert "\u200b" not in done


def test_a_deep_nest_of_links_ends():
    """Thousands of links inside links cost little and leave none."""
    done = clean("[" * 5_000 + "x" + "](http://a.b)" * 5_000)
    assert len(done) <= MAX_ANSWER
    assert "](" not in done
    assert "http" not in done


def test_marks_without_end_cost_little():
    """Markup and references that begin thousands of times and never end are read in time that grows with the text alone."""
    for text in (
        "<!--" * 20_000,
        "<a" + "=" * 80_000,
        "[rs1:1" * 13_000,
        "[" * 80_000,
        "rs1" * 26_000,
        "\u200c\xe9" * 40_000,
    ):
        made = cite(clean(text), STORY, {})
        assert len(made.content) <= 4 * MAX_ANSWER


def test_references_are_written_one_way_and_others_removed():
    """Groups, loose labels, other cases and spaces resolve; what leads nowhere is removed and counted."""
    for text, wanted, removed in (
        ("Yes [rs1:1].", "Yes [rs1:1].", 0),
        ("Yes [rs1:1, rs1:3].", "Yes [rs1:1][rs1:3].", 0),
        ("Yes rs1:2.", "Yes [rs1:2].", 0),
        ("Yes [RS 1: 2].", "Yes [rs1:2].", 0),
        ("Yes [rs1:4].", "Yes.", 1),
        ("Yes [rs1:0] no [rs9:1].", "Yes no.", 2),
        ("Yes [rs1:1, rs7:7].", "Yes [rs1:1].", 1),
        ("Yes [rs1:1-3].", "Yes [rs1:1][rs1:2][rs1:3].", 0),
        ("Yes [rs1:2-9].", "Yes [rs1:2][rs1:3].", 6),
        ("Yes [rs1:1-rs1:3].", "Yes [rs1:1][rs1:2][rs1:3].", 0),
        ("Yes [rs1:1-99999].", "Yes [rs1:1].", 1),
        ("Yes [rs1:1, 3 and rs1:2].", "Yes [rs1:1][rs1:3][rs1:2].", 0),
        ("Yes \u3010rs1:2\u2020source\u3011.", "Yes [rs1:2].", 0),
        ("Yes \\[rs1:2\\] <rs1:3>", "Yes [rs1:2] <[rs1:3]>", 0),
        ("Yes [see rs1:2, at 0:10].", "Yes (see [rs1:2], at 0:10).", 0),
        ("Yes [as rs1:7].", "Yes (as).", 1),
        ("Yes rs1:1-rs1:3, _rs1:2_", "Yes [rs1:1]-[rs1:3], _[rs1:2]_", 0),
        ("Yes rs1:2rs1:3", "Yes [rs1:2][rs1:3]", 0),
        ("Yes rs1:1(/\\evil.example)", "Yes [rs1:1] (/\\evil.example)", 0),
        (f"Yes rs1:{'9' * 5_000}.", "Yes.", 1),
        ("Yes [segment:seg_x:run_y].", "Yes.", 1),
        ("By segment:seg_x:run_y it is.", "By it is.", 1),
    ):
        made = cite(text, STORY, {})
        assert (made.content, made.removed) == (wanted, removed), text
        assert [f"[{one.label}]" for one in made.citations] == list(dict.fromkeys(re.findall(r"\[rs1:\d\]", wanted)))


@given(st.text(alphabet="rs123:[](), -to_x", max_size=80))
def test_every_reference_that_is_left_is_a_citation(text):
    """Text and citations agree, whatever was written."""
    made = cite(clean(text), STORY, {})
    assert set(re.findall(r"rs\d+:\d+", made.content)) == {one.label for one in made.citations}
    assert all(STORY.item(one.label) for one in made.citations)
    assert not any(one.verified for one in made.citations)
    assert "](" not in made.content


def test_a_picture_has_no_times():
    """Evidence in film names its times, a picture, which lasts from 0 to 0, its title alone."""
    assert (place("A", 10.0, 70.5), place("A", 0.0, 0.0), place(None, None, None)) == ("A, 0:10-1:10", "A", "untitled")


def test_words_of_media_cannot_look_like_ours():
    """A quoted title has no brackets, no labels, no lines and no links, so it can cite nothing."""
    assert cite(quoted("Film rs1:1, segment:seg_x:run_y"), STORY, {}).citations == ()
    assert cite(quoted("Film rs1:9, video:vid_x:run_y"), STORY, {}).removed == 0
    assert quoted("Film [rs1:1]\n![x](http://evil.example)") == "Film (rs1.1) x"
