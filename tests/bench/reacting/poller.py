"""What many teams have: a loop that reads the resident set with psutil, and sends a signal where it is too large.

    python poller.py SECONDS LEVEL SIGNAL PID...

Once for each crossing: again only after it was below.
"""

import sys
import time

import psutil


def main(pause: float, level: int, number: int, pids: "list[int]") -> None:
    over = dict.fromkeys(pids, False)
    processes = [psutil.Process(pid) for pid in pids]
    print("ready", flush=True)
    while True:
        for process in processes:
            is_over = process.memory_info().rss >= level
            if is_over and not over[process.pid]:
                process.send_signal(number)
            over[process.pid] = is_over
        time.sleep(pause)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), [int(word) for word in sys.argv[4:]])
