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
        """Everything still at work is cancelled, all connections are closed, and the thread has ended."""
        self.do(_end_everything())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=PATIENCE)
        self._loop.close()


async def stop_listening(server: asyncio.AbstractServer) -> None:
    """Nobody is let in any more; who knocked just before is inside (a closed server would lose their socket)."""
    loop = asyncio.get_running_loop()
    for listener in server.sockets if isinstance(server, asyncio.Server) else ():
        loop.remove_reader(listener.fileno())
    await _some_turns()
    server.close()


async def _end_everything() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        _hang_up()
        await _some_turns()
    _hang_up()
    await _some_turns()


def _hang_up() -> None:
    """Every connection is aborted where it begins, below TLS and SSH, which may have gone already."""
    loop: Any = asyncio.get_running_loop()
    for transport in list(loop._transports.values()):
        transport.abort()


async def _some_turns() -> None:
    """Sockets are closed in later turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)
