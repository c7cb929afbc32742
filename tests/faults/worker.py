"""Work for a child process to do, long enough to be interrupted."""

from __future__ import annotations

import time
from collections.abc import Generator


class Worker:
    """Gives back what it gets, at once or step by step."""

    def echo(self, data: bytes) -> bytes:
        """Return `data`."""
        return data

    def count(self, steps: int, pause: float) -> Generator[int, None, int]:
        """Report `steps` numbers, `pause` seconds apart, and return how many there were."""
        for step in range(steps):
            time.sleep(pause)
            yield step
        return steps
