"""The same job with the building blocks: one record is known at a time, and the reference of its group.

`brimwatch guard -- python -m tests.targets.batch_job.blocks [SHARE]`; prints the result as JSON, and what the blocks
did on standard error. Modes by the environment: BATCH_CACHE=0 keeps no references, from BATCH_LIMIT bytes on nothing
passes.
"""

import json
import os
import sys

from tests.targets.batch_job.records import Features, Record, distance, features, records, result

from brimwatch import hooks

LIMIT = int(os.environ.get("BATCH_LIMIT", "1500000000"))  # 5 records at a time below two thirds of it, then one
BUDGET = 8_000_000 if os.environ.get("BATCH_CACHE", "1") == "1" else 0
KEPT = 8  # references: groups follow one another


def size(known: Features) -> int:
    """Bytes, as measured for one place; counting all of them for each reference would take longer than making them."""
    return 300 * len(known)


def main(share: int) -> None:
    hooks.install()
    cache = hooks.PriorityCache({"important": BUDGET}, max_entries=KEPT, sizeof=size, name="references")
    batcher = hooks.AdaptiveBatcher(steps=[(LIMIT * 2 // 3, 5), (LIMIT, 1)])
    firsts: dict[int, Record] = {}
    groups: dict[int, list[float]] = {}

    def reference(group: int) -> Features:
        return cache.get_or_compute(group, lambda: features(firsts[group]), "important")

    for batch in batcher(records(share)):
        for record in batch:
            first = firsts.setdefault(record.group, record)
            known = reference(record.group) if record is first else features(record)
            groups.setdefault(record.group, []).append(distance(known, reference(record.group)))
    print(json.dumps(result(groups)))
    print(json.dumps({"batches": batcher.batches, "waits": batcher.waits, "cache": cache.stats()}), file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
