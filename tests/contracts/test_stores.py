"""Every database keeps the promises of the stores' ports, the one in memory first."""

from __future__ import annotations

import pytest

from tests.contracts.conftest import MemoryRoom, PostgresRoom
from videovector_core.testing.stores_access import AccessContract
from videovector_core.testing.stores_catalogue import (
    ImportContract,
    IndexContract,
    MediaContract,
    PromptContract,
    SegmentContract,
)
from videovector_core.testing.stores_chat import ChatContract
from videovector_core.testing.stores_exports import ExportContract, OrderContract
from videovector_core.testing.stores_imports import ConnectorContract, ImportWorkContract
from videovector_core.testing.stores_log import EventLogContract, ReceiptContract
from videovector_core.testing.stores_models import CacheContract, DeletionContract, EmbeddingContract
from videovector_core.testing.stores_results import CallContract, ResultContract
from videovector_core.testing.stores_room import Room
from videovector_core.testing.stores_runs import RunContract
from videovector_core.testing.stores_transactions import TransactionContract
from videovector_core.testing.stores_usage import MarkerContract, UsageContract
from videovector_core.testing.stores_work import WorkContract
from videovector_core.testing.stores_workflow import RankingContract


class Everything(
    TransactionContract,
    AccessContract,
    IndexContract,
    MediaContract,
    SegmentContract,
    PromptContract,
    ImportContract,
    ConnectorContract,
    ImportWorkContract,
    EventLogContract,
    ReceiptContract,
    WorkContract,
    RunContract,
    ResultContract,
    CallContract,
    CacheContract,
    EmbeddingContract,
    DeletionContract,
    MarkerContract,
    UsageContract,
    ChatContract,
    RankingContract,
    ExportContract,
    OrderContract,
):
    """All that a database promises."""


class TestMemory(Everything):
    """Tables in memory."""

    @pytest.fixture
    def room(self, memory_room: MemoryRoom) -> Room:
        return memory_room


@pytest.mark.real
class TestPostgres(Everything):
    """The embedded PostgreSQL."""

    @pytest.fixture
    def room(self, postgres_room: PostgresRoom) -> Room:
        return postgres_room
