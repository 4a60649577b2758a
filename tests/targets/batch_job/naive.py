"""The job as the field report describes it: first what is known of every record, then the distances.

`python -m tests.targets.batch_job.naive [SHARE]`; prints the result as JSON.
"""

import json
import sys

from tests.targets.batch_job.records import Features, distance, features, records, result


def main(share: int) -> None:
    known: dict[int, list[Features]] = {}
    for record in records(share):
        known.setdefault(record.group, []).append(features(record))
    distances = {group: [distance(one, members[0]) for one in members] for group, members in known.items()}
    print(json.dumps(result(distances)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
