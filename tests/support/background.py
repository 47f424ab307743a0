"""An event loop in a thread, for the servers that the tests talk to."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 20.0


class Background:
    """Runs coroutines elsewhere; each call returns when the work is done."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=PATIENCE)

    def close(self) -> None:
        """Everything still at work is cancelled, and the thread has ended."""
        self.do(_cancel_everything())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=PATIENCE)
        self._loop.close()


async def _cancel_everything() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for _ in range(10):  # transports close in turns of the loop
        await asyncio.sleep(0)
