import pytest
from tests.config.doubles import policies, told


@pytest.mark.parametrize(
    ("when", "leave", "expected"),
    [
        pytest.param(
            "{rss: 800MiB}",
            "{rss: 900 MiB}",
            "leave.rss: 900 MiB is above enter (800MiB); the tier would never settle.",
            id="a leave above its enter",
        ),
        pytest.param(
            "{rss: 80%}",
            "{rss: 90%}",
            "leave.rss: 90% is above enter (80%); the tier would never settle.",
            id="a fraction above its enter",
        ),
        pytest.param(
            "{threads: 8}",
            "{threads: 9}",
            "leave.threads: 9 is above enter (8); the tier would never settle.",
            id="a count above its enter",
        ),
        pytest.param(
            "{all: {rss: 80%, threads: 8}}",
            "{rss: 90%}",
            "leave.rss: 90% is above enter (80%); the tier would never settle.",
            id="a leave above one of all",
        ),
        pytest.param(
            "{time_to_limit: 20s}",
            "{time_to_limit: 10s}",
            "leave.time_to_limit: 10s is below enter (20s); the tier would never settle.",
            id="less time left than at the enter",
        ),
        pytest.param(
            "{rss: 80%}",
            "{threads: 9}",
            "leave.threads: found a level for threads, wanted one for rss; `when` does not enter on it",
            id="a leave of what does not enter",
        ),
    ],
)
def test_a_leave_that_does_not_fit(when: str, leave: str, expected: str) -> None:
    text = f"  p:\n    tiers:\n      critical:\n        when: {when}\n        leave: {leave}"
    assert told(text) == [f"5: policies.p.tiers.critical.{expected}"]


@pytest.mark.parametrize(
    ("when", "leave"),
    [
        pytest.param("{rss: 80%}", "{rss: 80%}", id="a leave at its enter"),
        pytest.param("{rss: 80%}", "{rss: 900MB}", id="a fraction and a size cannot be compared"),
        pytest.param("{time_to_limit: 20s}", "{time_to_limit: 30s}", id="more time left than at the enter"),
        pytest.param("{rss: 80%, threads: 8}", "{rss: 70%}", id="a leave for one of two"),
        pytest.param("{all: {rss: 80%, threads: 8}}", "{all: {rss: 70%}}", id="a leave written as its when is"),
    ],
)
def test_a_leave_that_fits(when: str, leave: str) -> None:
    policies(f"  p: {{tiers: {{critical: {{when: {when}, leave: {leave}}}}}}}")


def test_a_leave_above_the_inherited_enter_is_told_where_it_stands() -> None:
    assert told("  p:\n    extends: small\n    tiers: {critical: {leave: {rss: 300MB}}}") == [
        "3: policies.p.tiers.critical.leave.rss: 300MB is above enter (200MB); the tier would never settle."
    ]


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        pytest.param(
            "warning: {when: {rss: 3GB}}, critical: {when: {rss: 2GB}}",
            ["warning.when.rss: 3GB is above the enter of critical (2GB); warning would be entered after critical."],
            id="two sizes",
        ),
        pytest.param(
            "warning: {when: {rss: 90%}}, emergency: {when: {rss: 80%}}",
            ["warning.when.rss: 90% is above the enter of emergency (80%); warning would be entered after emergency."],
            id="two fractions, with a tier between that does not name them",
        ),
        pytest.param(
            "warning: {when: {time_to_limit: 10s}}, critical: {when: {time_to_limit: 20s}}",
            [
                (
                    "warning.when.time_to_limit: 10s is below the enter of critical (20s); warning would be "
                    "entered after critical."
                )
            ],
            id="two times, of which the shorter is the worse",
        ),
        pytest.param(
            "warning: {when: {all: {rss: 3GB, threads: 8}}}, critical: {when: {rss: 2GB}}",
            [
                (
                    "warning.when.all.rss: 3GB is above the enter of critical (2GB); warning would be "
                    "entered after critical."
                )
            ],
            id="one of all in the lower tier",
        ),
        pytest.param("warning: {when: {rss: 2GB}}, critical: {when: {rss: 2GB}}", [], id="the same enter is allowed"),
        pytest.param(
            "warning: {when: {rss: 90%}}, critical: {when: {rss: 1GB}}",
            [],
            id="a fraction and a size cannot be compared",
        ),
        pytest.param(
            "warning: {when: {rss: 90%}}, critical: {when: {all: {rss: 80%, threads: 8}}}",
            [],
            id="one of all in the higher tier does not enter it alone",
        ),
        pytest.param(
            "warning: {when: {rss: 90%}}, critical: {when: {all: {rss: 80%}}}",
            ["warning.when.rss: 90% is above the enter of critical (80%); warning would be entered after critical."],
            id="all of a single one is that one",
        ),
    ],
)
def test_the_order_of_tiers(tiers: str, expected: list[str]) -> None:
    text = f"  p: {{tiers: {{{tiers}}}}}"
    if not expected:
        policies(text)
        return
    assert told(text) == [f"1: policies.p.tiers.{one}" for one in expected]


def test_a_wrong_order_with_an_inherited_tier_is_told_at_the_policys_own() -> None:
    assert told("  p: {extends: small, tiers: {critical: {when: {rss: 50MB}}}}") == [
        (
            "1: policies.p.tiers.critical.when.rss: 50MB is below the enter of warning (100MB); "
            "warning would be entered after critical."
        )
    ]


def test_a_goal_that_changes_nothing_is_noticed() -> None:
    text = "  p: {extends: standard, goal: {rss: 80%, working_set: 60%}}"
    expected = "policy p: its goal rss 80% lies beyond the enter of warning (70%) and changes nothing there"
    assert policies(text).notices[0] == expected


def test_a_wrong_order_that_is_inherited_is_told_once_where_it_was_written() -> None:
    text = "  base: {tiers: {warning: {when: {rss: 3GB}}, critical: {when: {rss: 2GB}}}}\n  mine: {extends: base}"
    assert told(text) == [
        (
            "1: policies.base.tiers.warning.when.rss: 3GB is above the enter of critical (2GB); "
            "warning would be entered after critical."
        )
    ]
