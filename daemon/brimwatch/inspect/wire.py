"""How does a census travel from the worker to the daemon? As one line of JSON, checked when it is read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from brimwatch.inspect.found import Arenas, Census, Interpreter, Missing, Pools, TypeShare, Want
from brimwatch.model import ProcessId
from brimwatch.units import Bytes, Seconds

LONGEST = 1 << 20  # bytes of a line
_MOST_TYPES = 200


def question(process: ProcessId, wants: frozenset[Want], most: Seconds) -> bytes:
    """A request as a line. `most` is the CPU time, in seconds, that each reader may use."""
    return json.dumps([*process, sorted(wants), most]).encode() + b"\n"


def parse_question(line: bytes) -> tuple[ProcessId, frozenset[Want], Seconds]:
    """Raises ValueError where it is none."""
    pid, start_ticks, wants, most = json.loads(line)
    return ProcessId(int(pid), int(start_ticks)), frozenset(Want(one) for one in wants), Seconds(float(most))


class Answer(NamedTuple):
    """What a worker says. `spent`: seconds of CPU time that it has used so far, its start included.

    Without a census: `gone`, or a fault of ours, in words.
    """

    process: ProcessId
    spent: Seconds
    census: Census | None = None
    gone: bool = False
    fault: str = ""


def answer(census: Census, spent: Seconds) -> bytes:
    """A census as a line."""
    told = {
        "process": list(census.process),
        "spent": spent,
        "python": census.python,
        "pools": census.pools,
        "arenas": census.arenas,
        "objects": census.objects,
        "types": census.types[:_MOST_TYPES],
        "swapped": census.swapped,
        "cpu": census.cpu,
        "objects_cpu": census.objects_cpu,
        "read": census.read,
        "missing": census.missing,
        "denied": census.denied,
    }
    return json.dumps(told).encode() + b"\n"


def gone(process: ProcessId, spent: Seconds) -> bytes:
    """The process is there no more, as a line."""
    return json.dumps({"process": list(process), "spent": spent, "gone": True}).encode() + b"\n"


def failure(process: ProcessId, fault: str, spent: Seconds) -> bytes:
    """A look that could not be made for a fault of ours, as a line."""
    return json.dumps({"process": list(process), "spent": spent, "fault": fault[:500]}).encode() + b"\n"


def parse_answer(line: bytes) -> Answer:
    """Raises ValueError where the line is none."""
    try:
        raw = json.loads(line)
        process, spent = ProcessId(*map(int, raw["process"])), Seconds(float(raw["spent"]))
        if raw.get("gone") is True or "fault" in raw:
            return Answer(process, spent, gone=raw.get("gone") is True, fault=str(raw.get("fault", "")))
        return Answer(process, spent, _census(raw, process))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no answer: {error!r}") from None


def _census(raw: Mapping[str, Any], process: ProcessId) -> Census:
    return Census(
        process=process,
        python=None if raw["python"] is None else _python(*raw["python"]),
        pools=None if raw["pools"] is None else Pools(*raw["pools"]),
        arenas=None if raw["arenas"] is None else Arenas(*raw["arenas"]),
        objects=raw["objects"],
        types=tuple(TypeShare(str(name), int(number), Bytes(int(size))) for name, number, size in raw["types"]),
        swapped=int(raw["swapped"]),
        cpu=Seconds(float(raw["cpu"])),
        objects_cpu=Seconds(float(raw["objects_cpu"])),
        read=int(raw["read"]),
        missing=tuple(Missing(str(what), str(why)) for what, why in raw["missing"]),
        denied=raw["denied"] is True,
    )


def _python(
    version: tuple[int, int, int | None],
    free_threaded: bool,
    image: str,
    runtime: int,
    size: int,
    state: int | None,
    threads: int | None,
    head: int | None,
) -> Interpreter:
    major, minor, micro = version
    return Interpreter((major, minor, micro), free_threaded, image, runtime, size, state, threads, head)
