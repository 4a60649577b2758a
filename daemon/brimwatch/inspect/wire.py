"""How does a census travel from the worker to the daemon? As one line of JSON, checked when it is read again."""

import json

from brimwatch.inspect.census import Census, Want
from brimwatch.inspect.glibc import Arenas
from brimwatch.inspect.interpreter import Interpreter
from brimwatch.inspect.pymalloc import Pools
from brimwatch.inspect.report import Missing
from brimwatch.inspect.type_sample import TypeShare
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


def answer(census: Census) -> bytes:
    """A census as a line."""
    told = {
        "process": list(census.process),
        "python": census.python,
        "pools": census.pools,
        "arenas": census.arenas,
        "objects": census.objects,
        "types": census.types[:_MOST_TYPES],
        "swapped": census.swapped,
        "cpu": census.cpu,
        "read": census.read,
        "missing": census.missing,
    }
    return json.dumps(told).encode() + b"\n"


def failure(process: ProcessId, why: str, cpu: Seconds) -> bytes:
    """A look that could not be made, as a line: the process is gone, or a fault of ours."""
    return json.dumps({"process": list(process), "gone": why[:500], "cpu": cpu}).encode() + b"\n"


def parse_answer(line: bytes) -> Census | str:
    """A census, or why there is none. Raises ValueError where the line is neither."""
    try:
        raw = json.loads(line)
        if "gone" in raw:
            return str(raw["gone"])
        return Census(
            process=ProcessId(*map(int, raw["process"])),
            python=None if raw["python"] is None else _python(*raw["python"]),
            pools=None if raw["pools"] is None else Pools(*raw["pools"]),
            arenas=None if raw["arenas"] is None else Arenas(*raw["arenas"]),
            objects=raw["objects"],
            types=tuple(TypeShare(str(name), int(number), Bytes(int(size))) for name, number, size in raw["types"]),
            swapped=int(raw["swapped"]),
            cpu=Seconds(float(raw["cpu"])),
            read=int(raw["read"]),
            missing=tuple(Missing(str(what), str(why)) for what, why in raw["missing"]),
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no answer: {error!r}") from None


def _python(
    version: tuple[int, int, int | None],
    free_threaded: bool,
    image: str,
    runtime: int,
    size: int,
    state: int | None,
    threads: int | None,
) -> Interpreter:
    major, minor, micro = version
    return Interpreter((major, minor, micro), free_threaded, image, runtime, size, state, threads)
