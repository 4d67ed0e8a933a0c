"""Work on many things at once, with their results in order and little of it waiting."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Result = TypeVar("Result")


def in_order(
    work: Callable[[T], Result], things: Iterable[T], threads: int, ahead: int
) -> Iterator[Result]:
    """Do some work on each thing, in threads; give the results in the things' order.

    Work goes on while the caller uses what it has. Memory does not grow with the number of things.

    Args:
        work: done once for each; what it raises is raised here.
        things: may be endless.
        threads: that work.
        ahead: things that may be worked on, or waiting to be, before they are asked for.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
