"""What an answer in a chat shows of its evidence."""

from __future__ import annotations

import pytest

from tests.console.conftest import Tab
from tests.console.mocked import TIME, answers, fixed

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

CITED = [
    {"label": "rs1:1", "result_set_id": "rs1", "position": 1, "video_id": "vid_1", "video_name": "Film", "start_time": 10.0, "end_time": 20.0},
    {"label": "rs1:2", "result_set_id": "rs1", "position": 2, "video_id": "vid_2", "video_name": "Photo", "start_time": 0.0, "end_time": 0.0},
]  # fmt: skip


def test_a_picture_is_cited_by_its_name_and_film_by_its_time(tab: Tab):
    """Evidence in a film shows the second it plays from; a picture has none, neither in the text nor below it."""
    turn = {
        "turn_id": "turn_1", "session_id": "session_1", "status": "completed", "created_at": TIME, "tool_trace": [],
        "user_message": {"content": "Where?"},
        "assistant_message": {"content": "Here [rs1:1] and there [rs1:2].", "citations": CITED},
        "result_sets": [{"id": "rs1", "items": [{"media_type": "video"}, {"media_type": "image"}]}],
    }  # fmt: skip
    session = {"session_id": "session_1", "title": "Where?", "created_at": TIME, "updated_at": TIME}
    answers(tab.page, "**/api/v2/chat/sessions?*", [session])
    fixed(tab.page, "**/api/v2/chat/sessions/session_1", {**session, "turns": [turn]})
    tab.open("/chat/session_1")
    assert tab.page.locator(".cite").all_inner_texts() == ["00:10.0", "Photo"]
    assert tab.page.locator(".moment time").all_inner_texts() == ["00:10.0"]
