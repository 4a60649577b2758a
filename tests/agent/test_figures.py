"""What is believed of what an agent says? Names that are names, and numbers that can be."""

import json

import pytest

from brimwatch.agent.figures import HookFigures, HookOutcome, Reclaimed, Stats, read_reclaimed, read_stats
from brimwatch.model import Reason

LEAST = {"pid": 7, "rss_bytes": 5}


def test_the_least_and_the_whole() -> None:
    whole = LEAST | {
        "tier": "warning",
        "python_threads": 2,
        "python": {"objects": 100, "gc": {"collections": [3, 2, 1]}},
        "hooks": [{"name": "a", "footprint_bytes": 9, "hit_ratio": 0.5, "info": {"entries": 4}}],
        "more": "of a later version",
    }
    assert read_stats(dict(LEAST)) == Stats(7, 5)
    hook = HookFigures("a", 9, 0.5, (("entries", 4.0),))
    assert read_stats(whole) == Stats(7, 5, "warning", 2, 100, (3, 2, 1), (hook,))


@pytest.mark.parametrize("lie", [-1, 1 << 62, 1e400, -1e400, True, "5", None, [], {}, 10**400], ids=repr)
def test_a_number_that_cannot_be_is_left_out(lie: object) -> None:
    told = json.loads(json.dumps(lie)) if not isinstance(lie, float) else lie
    found = read_stats(
        LEAST
        | {
            "python_threads": told,
            "python": {"objects": told, "gc": {"collections": [1, told]}},
            "hooks": [{"name": "a", "footprint_bytes": told, "hit_ratio": 2 if told != 2 else told, "info": told}],
        }
    )
    assert found == Stats(7, 5, hooks=(HookFigures("a"),))
    assert read_reclaimed({"claimed_bytes": told}).claimed is None


@pytest.mark.parametrize("name", ["", "a b", "x\n", "a" * 65, "é", '"', 5, None, ["a"]], ids=repr)
def test_a_name_that_is_none_is_left_out_and_counted(name: object) -> None:
    found = read_stats(LEAST | {"hooks": [{"name": name, "footprint_bytes": 1}]})
    assert (found.hooks, found.left_out) == ((), 1)
    assert read_reclaimed({"hooks": [{"name": name, "outcome": "ran"}]}).hooks == ()


def test_a_thousand_hooks_are_64() -> None:
    found = read_stats(LEAST | {"hooks": [{"name": f"h{n}"} for n in range(1000)], "hooks_refused": 3})
    assert (len(found.hooks), found.left_out) == (64, 939)


@pytest.mark.parametrize("shape", [5, "x", None, [5, None, "x", [[]]], {"a": 1}], ids=repr)
def test_another_shape_than_a_list_of_hooks_is_none(shape: object) -> None:
    assert read_stats(LEAST | {"hooks": shape, "python": shape}).hooks == ()
    assert read_reclaimed({"hooks": shape}).hooks == ()


def test_outcomes_have_our_reasons_and_bounded_details() -> None:
    found = read_reclaimed(
        {
            "hooks": [
                {"name": "a", "outcome": "ran", "reason": "error", "claimed_bytes": 5, "detail": "x" * 999},
                {"name": "b", "outcome": "suppressed", "reason": "no_handler", "detail": "\x1b[2J"},
                {"name": "c", "outcome": "failed", "reason": "because"},
                {"name": "d", "outcome": "exploded"},
            ],
            "complete": False,
        }
    )
    a, b, c = found.hooks
    assert (a.reason, a.claimed, len(a.detail)) == (None, 5, 200)
    assert b == HookOutcome("b", "suppressed", Reason.NOT_FOUND, None, " [2J")
    assert c == HookOutcome("c", "failed", Reason.ERROR)
    assert not found.complete


def test_an_empty_answer_is_one() -> None:
    assert read_reclaimed({}) == Reclaimed()
