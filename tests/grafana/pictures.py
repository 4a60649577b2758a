"""How do the dashboards look with something on them? `python -m tests.grafana.pictures` plays a scene and draws both.

Three minutes of a leak, a sawtooth that gives back, a group, deaf members, a container that dies, and the machine.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from PIL import Image
from tests.conftest import await_answer, end_all, find_component
from tests.grafana.boards import ROOT, read
from tests.grafana.render import View, draw
from tests.grafana.scene import CONFIG, Scene, Tools, free_port, played

FOLDER = ROOT / "grafana" / "pictures"
LONG = 170  # seconds
STEP = 1.0
VALUES = {"job": ".+", "instance": ".+", "member": ".*", "__rate_interval": "5s", "window": "20s"}


@contextmanager
def spawning() -> Iterator[Any]:
    """`subprocess.Popen`; at the end all that was started is ended by its PID."""
    started: list[subprocess.Popen[Any]] = []

    def spawn(words: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        started.append(subprocess.Popen(words, **options))
        return started[-1]

    try:
        yield spawn
    finally:
        running = [psutil.Process(child.pid) for child in started if child.poll() is None]
        end_all([process for root in running for process in [root, *root.children(recursive=True)]])


def play(scene: Scene, seconds: float) -> None:
    """A program whose cache fills and is dropped while something else leaks; a container that fills up; and others."""
    scene.app.run("leaked = []")
    end, turn, leaked = time.monotonic() + seconds, 0, 50
    while time.monotonic() < end:
        scene.app.take(4)
        if turn % 4 == 0:
            scene.app.run("leaked.append(bytearray(b'x' * 800_000))")
        if turn % 3 == 0:
            leaked += leaked < 188
            scene.leak.say(f"hold {leaked}")
        if turn % 60 == 20:
            for one in scene.pool:
                one.say("hold 90")
        if turn % 110 == 50:
            scene.boxed.say("hold 125")
        if turn in (60, 200):
            scene.pair[turn // 200].say("hold 80")
        if turn == 150 and scene.victim.process.stdin is not None:
            scene.victim.process.stdin.write("hold 200\n")
            scene.victim.process.stdin.flush()
        turn += 1
        time.sleep(0.45)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else LONG
    with tempfile.TemporaryDirectory() as folder, spawning() as spawn:
        config = CONFIG.replace("memory_used: 1%", "memory_used: 85%")  # the machine is not short in the picture
        tools = Tools(spawn, await_answer, free_port, Path(folder))
        with played(tools, find_component("prometheus"), "500ms", config) as scene:
            start = time.time()
            play(scene, seconds)
            values = {**VALUES, "__range": f"{int(time.time() - start)}s", "target": "app"}
            view = View(scene.prometheus, values, start, time.time(), STEP)
            for name in ("fleet", "target"):
                file = FOLDER / f"{name}.png"
                draw(read(ROOT / "grafana" / "dashboards" / f"{name}.json"), view, file)
                Image.open(file).convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(file, optimize=True)
                print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
