"""Is what the program has dropped forgotten, and can the rest be listed at any time?"""

import gc
import threading

from brimwatch.hooks.living import Living


class One:
    """One that is equal to all others, and has no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


def test_each_is_known_once_in_its_order_until_it_is_dropped() -> None:
    known, first, second = Living(), One(), One()
    for one in (first, second, first):
        known.add(one)
    assert ([id(one) for one in known], One() in known) == ([id(first), id(second)], False)
    known.discard(One())
    del first, one
    gc.collect()
    assert [id(one) for one in known] == [id(second)]
    known.discard(second)
    assert list(known) == []


def test_it_can_be_listed_while_other_threads_add_and_drop() -> None:
    known, stop, faults = Living(), threading.Event(), list[BaseException]()

    def churn() -> None:
        try:
            while not stop.is_set():
                held = [One() for _ in range(50)]
                for one in held:
                    known.add(one)
        except BaseException as fault:  # noqa: BLE001 - told below, on the main thread
            faults.append(fault)

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for thread in threads:
        thread.start()
    most = max(len(list(known)) for _ in range(3000))
    stop.set()
    for thread in threads:
        thread.join(30)
    gc.collect()
    assert (faults, list(known)) == ([], [])
    assert 0 < most <= 200
