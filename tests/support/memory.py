"""The memory that some work takes."""

import gc
import tracemalloc
from collections.abc import Callable


def memory_of(work: Callable[[], object]) -> int:
    """The most that was in use at once, in bytes."""
    gc.collect()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
