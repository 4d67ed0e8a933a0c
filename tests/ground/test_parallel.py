import itertools
import threading
import time

import pytest

from fperank.ground.parallel import in_order


def test_results_come_in_the_order_of_the_things_whoever_is_done_first():
    def work(k):
        time.sleep(0.02 if k % 3 == 0 else 0)
        return k * k

    assert list(in_order(work, range(30), threads=4, ahead=8)) == [k * k for k in range(30)]


def test_so_many_things_are_worked_on_at_once_as_there_are_threads():
    all_here = threading.Barrier(3, timeout=60)
    assert len(list(in_order(lambda _: all_here.wait(), range(6), threads=3, ahead=6))) == 6


def test_endless_things_are_begun_only_a_little_ahead():
    begun = []
    results = in_order(begun.append, itertools.count(), threads=2, ahead=5)
    for used in range(1, 40):
        next(results)
        assert len(begun) <= used + 5
    results.close()


def test_what_the_work_raises_comes_in_its_place_and_nothing_more_is_begun():
    begun = []

    def work(k):
        begun.append(k)
        if k == 3:
            raise ValueError("three")
        return k

    results = in_order(work, range(1000), threads=1, ahead=4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(begun) <= 3 + 1 + 4 + 1


def test_no_things_give_no_results():
    assert list(in_order(str, [], threads=2, ahead=3)) == []
