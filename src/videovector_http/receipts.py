"""Keyed writes: claim, do, complete, replay."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from attrs import evolve, frozen

from videovector_core.app import VideoVector
from videovector_core.idempotency import Answer, Receipt, Slot, in_progress, mismatch
from videovector_core.ports import Sealer

Complete = Callable[[Answer], Awaitable[None]]
Effect = Callable[[Complete], Awaitable[Answer]]

CLAIM_SECONDS: Final = 15.0
WAIT_SECONDS: Final = 10.0
REPLAYED: Final = {"Idempotency-Replayed": "true"}
"""The header of an answer that was given before."""


@frozen
class Receipts:
    """Makes sure that a keyed write has one effect.

    A claim is a row of its own, renewed while the work runs and gone when it fails. Nobody who waits for a duplicate
    holds a connection to the database.
    """

    vv: VideoVector
    sealer: Sealer

    async def once(self, slot: Slot, fingerprint: str, effect: Effect) -> tuple[Answer, bool]:
        """Run `effect` unless its answer is known; return the answer, and whether it was a replay.

        `effect` gets `complete`, to be called in the transaction of what it does. Answers that are no success are not
        kept, so the same key may try again.

        Raises:
            Conflict: the key was used for another request, or the first one is still running after 10 s.
        """
        token = os.urandom(12).hex()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                receipt = await self._claimed(slot, fingerprint, token)
        except TimeoutError:
            raise in_progress() from None
        if receipt.token != token:
            return self._opened(receipt), True
        async with self._renewing(slot, token):
            try:
                answer = await effect(lambda found: self._complete(slot, token, found))
            except BaseException:
                await asyncio.shield(self._release(slot, token))
                raise
        if answer.status >= 300:
            await self._release(slot, token)
        return answer, False

    async def _claimed(self, slot: Slot, fingerprint: str, token: str) -> Receipt:
        pause = 0.02
        while True:
            async with self.vv.begin() as tx:
                receipt = await tx.receipts.claim(slot, fingerprint, token=token, seconds=CLAIM_SECONDS)
            if receipt.fingerprint != fingerprint:
                raise mismatch()
            if receipt.token == token or receipt.answer is not None:
                return receipt
            # not in step: where the first was refused, all who wait try again, and only one of those who meet gets in
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(0.5, pause * 1.5)

    async def _complete(self, slot: Slot, token: str, answer: Answer) -> None:
        sealed = evolve(answer, body=self.sealer.seal(answer.body, about=_about(slot)))
        async with self.vv.begin() as tx:
            if not await tx.receipts.complete(slot, token=token, answer=sealed):
                raise in_progress()

    async def _release(self, slot: Slot, token: str) -> None:
        async with self.vv.begin() as tx:
            await tx.receipts.release(slot, token=token)

    def _opened(self, receipt: Receipt) -> Answer:
        if receipt.answer is None:
            raise in_progress()
        return evolve(receipt.answer, body=self.sealer.open(receipt.answer.body, about=_about(receipt.slot)))

    @contextlib.asynccontextmanager
    async def _renewing(self, slot: Slot, token: str) -> AsyncIterator[None]:
        task = asyncio.create_task(self._renew(slot, token))
        try:
            yield
        finally:
            task.cancel()

    async def _renew(self, slot: Slot, token: str) -> None:
        while True:
            await asyncio.sleep(CLAIM_SECONDS / 3)
            with contextlib.suppress(Exception):  # the next renewal may work; a claim that ran out is seen at its end
                async with self.vv.begin() as tx:
                    await tx.receipts.renew(slot, token=token, seconds=CLAIM_SECONDS)


def _about(slot: Slot) -> bytes:
    return f"{slot.user_id}\n{slot.method}\n{slot.path}\n{slot.key}".encode()


async def forget(_: Answer) -> None:
    """Keep no receipt: what a request without a key completes with."""
