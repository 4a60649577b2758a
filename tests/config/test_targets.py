import pytest
from tests.config.doubles import faults, read

from brimwatch.config.settings import Match, Priority, TargetSpec

ANY = "pid, pidfile, name, exe, cmdline, user, cgroup, unit, container, pod, agent"
ALL = "{unit}, {container}, {comm}, {namespace}, {pod}, {pod_container}"


def test_every_key_of_a_target() -> None:
    config = read("""
        targets:
          - name: checkout
            match: {name: x}
            as: group
            policy: small
            priority: critical
            limit_file: /etc/podinfo/limit
    """)
    expected = TargetSpec(
        "checkout", Match(name="x"), config.policies["small"], True, Priority.CRITICAL, "/etc/podinfo/limit", 3
    )
    assert config.targets == (expected,)


def test_what_is_not_said_is_each_and_important() -> None:
    (target,) = read("targets: [{name: t, match: {name: x}, policy: small}]").targets
    assert (target.grouped, target.priority) == (False, Priority.IMPORTANT)


def test_targets_keep_the_order_of_the_file() -> None:
    text = "targets:\n" + "".join(f"- {{name: t{n}, match: {{pid: {n}}}, policy: small}}\n" for n in (3, 1, 2))
    assert [(target.name, target.line) for target in read(text).targets] == [("t3", 2), ("t1", 3), ("t2", 4)]


def test_a_target_without_a_policy_is_observed_and_noticed() -> None:
    config = read("targets:\n- {name: a, match: {pid: 1}}\n- {name: b, match: {pid: 2}}")
    assert {target.policy.name for target in config.targets} == {"observe"}
    assert config.notices == (
        "no policy is given for the target in line 2 and 1 more: observe, under which nothing is done",
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("checkout", id="a word"),
        pytest.param("check out / Über", id="blanks, slashes and letters of any language"),
        pytest.param("x" * 64, id="64 characters"),
        pytest.param("{unit}", id="one for each unit"),
        pytest.param("app {comm} in {container}", id="two templates in a text"),
    ],
)
def test_what_a_target_may_be_called(name: str) -> None:
    assert read(f"targets: [{{name: '{name}', match: {{pid: 1}}, policy: small}}]").targets[0].name == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("''", "found an empty text, wanted a text of 1 to 64 characters", id="an empty name"),
        pytest.param(
            "x" * 65, "found a text of 65 characters, wanted a text of 1 to 64 characters", id="65 characters"
        ),
        pytest.param(
            "' x'", "found ' x', wanted printable characters without blanks at the ends", id="a blank in front"
        ),
        pytest.param('"a\\tb"', r"found 'a\tb', wanted printable characters without blanks at the ends", id="a tab"),
        pytest.param(
            '"a\\u202eb"',
            r"found 'a\u202eb', wanted printable characters without blanks at the ends",
            id="a character that turns the line around",
        ),
        pytest.param("404", "found the number '404', wanted a text; put it in quotes if it is meant", id="a number"),
        pytest.param(
            "'{unti}'",
            "found '{unti}', wanted braces only as in " + ALL + "; did you mean {unit}?",
            id="a template with letters exchanged",
        ),
        pytest.param(
            "'{image}'",
            "found '{image}', wanted braces only as in " + ALL,
            id="a template that does not exist",
        ),
        pytest.param(
            "'{unit'",
            "found '{unit', wanted braces only as in " + ALL,
            id="a brace that is not closed",
        ),
        pytest.param("'{}'", "found '{}', wanted braces only as in " + ALL, id="an empty template"),
        pytest.param("[a]", "found a list, wanted a text", id="a list of names"),
    ],
)
def test_what_no_target_may_be_called(name: str, expected: str) -> None:
    text = f"targets: [{{name: {name}, match: {{pid: 1}}, policy: small}}]"
    assert faults(text) == [f"1: targets[0].name: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "global: {}",
            "1: found no targets, wanted at least one under `targets`; nothing would be watched",
            id="no targets",
        ),
        pytest.param(
            "targets:",
            "1: found no targets, wanted at least one under `targets`; nothing would be watched",
            id="every target commented out",
        ),
        pytest.param(
            "targets: []",
            "1: targets: found an empty list, wanted at least one target; nothing would be watched",
            id="an empty list",
        ),
        pytest.param("targets: {a: {}}", "1: targets: found a mapping, wanted a list", id="targets by name"),
        pytest.param(
            "targets: [web]",
            "1: targets[0]: found 'web', wanted a mapping with one of name, match, as, policy, priority, limit_file",
            id="a target that is a word",
        ),
        pytest.param(
            "targets: [{match: {pid: 1}, policy: small}]",
            "1: targets[0]: found no name, wanted a name of its own; it is the label of every metric of the target",
            id="no name",
        ),
        pytest.param(
            "targets: [{name: a, policy: small}]",
            (
                "1: targets[0]: found no match, wanted a match such as match: {unit: nginx.service}; it "
                "would take every process"
            ),
            id="no match",
        ),
        pytest.param(
            "targets: [{name: a, match: {}, policy: small}]",
            f"1: targets[0].match: found an empty match, wanted at least one of {ANY}; it would take every process",
            id="an empty match",
        ),
        pytest.param(
            "targets: [{name: a, match: {pid: 1}, policy: smal}]",
            "1: targets[0].policy: found 'smal', wanted a policy that exists; did you mean small?",
            id="an unknown policy",
        ),
        pytest.param(
            "targets: [{name: a, match: {pid: 1}, policy: [small]}]",
            "1: targets[0].policy: found a list, wanted the name of a policy, or a policy",
            id="a list of policies",
        ),
        pytest.param(
            "targets: [{name: a, match: {pid: 1}, policy: }]",
            "1: targets[0].policy: found nothing, wanted the name of a policy, or a policy",
            id="a policy that is not there",
        ),
        pytest.param(
            "targets: [{name: a, match: {pid: 1}, policy: {extends: smal}}]",
            "1: targets[0].policy.extends: found 'smal', wanted a policy that exists; did you mean small?",
            id="an unknown parent",
        ),
        pytest.param(
            "targets: [{name: a, match: {pid: 1}, policy: small, as: one}]",
            "1: targets[0].as: found 'one', wanted one of group, each",
            id="as something else",
        ),
        pytest.param(
            "targets: [{name: a, match: {pid: 1}, policy: small, priority: high}]",
            "1: targets[0].priority: found 'high', wanted one of critical, important, general",
            id="an unknown priority",
        ),
        pytest.param(
            "targets: [{name: a, match: {pid: 1}, policy: small, limit_file: limit}]",
            "1: targets[0].limit_file: found 'limit', wanted an absolute path",
            id="a path that depends on where the daemon was started",
        ),
        pytest.param(
            "targets: [{name: a, match: {host: true}, policy: small, limit_file: /limit}]",
            (
                "1: targets[0].limit_file: found a target that is the host, wanted none; the kernel tells what the "
                "host has"
            ),
            id="a limit of the host from a file",
        ),
        pytest.param(
            "targets: [{name: a, matches: {pid: 1}, match: {pid: 1}, policy: small}]",
            (
                "1: targets[0].matches: found an unknown key, wanted one of name, match, as, policy, "
                "priority, limit_file; did you mean match?"
            ),
            id="an unknown key",
        ),
        pytest.param(
            "targets:\n- {name: a, match: {pid: 1}, policy: small}\n- {name: a, match: {pid: 2}, policy: small}",
            "3: targets[1].name: found 'a', wanted a name of its own; the target in line 2 has it already",
            id="a name given twice",
        ),
    ],
)
def test_what_is_no_target(text: str, expected: str) -> None:
    assert faults(text) == [expected]
