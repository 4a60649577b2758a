import hashlib
from pathlib import Path

import pytest
from tests.config.doubles import KINDS, TARGET, faults, read

from brimwatch.config.load import load, load_file
from brimwatch.errors import ConfigError


def test_the_short_form_is_all_a_newcomer_needs() -> None:
    config = read(r"""
        targets:
          - name: checkout               # the metric label `target`
            match: {cmdline: 'gunicorn .* shop\.wsgi', children: true}
            policy: standard
    """)
    (target,) = config.targets
    assert (target.name, target.policy, target.match.children) == ("checkout", config.policies["standard"], True)
    assert target.match.cmdline is not None
    assert target.match.cmdline.search("/usr/bin/gunicorn -w 4 shop.wsgi") is not None


def test_a_policy_that_others_extend_is_used() -> None:
    text = "policies: {base: {}, mine: {extends: base}}"
    assert read(TARGET.replace("observe", "mine") + text).notices == ()


def test_a_built_in_action_can_be_replaced_by_name() -> None:
    config = read(TARGET + "actions: {trim: {signal: SIGUSR1}}")
    warning = config.policies["standard"].tiers[0]
    assert [action.kind for action in warning.do] == ["signal"]
    assert config.notices == ()


def test_the_defaults_of_what_is_not_said() -> None:
    config = read(TARGET)
    expected = (1.0, False, "/run/brimwatch", 604800.0, 0.005, "brimwatch.yaml", ())
    assert expected == (
        config.interval,
        config.dry_run,
        config.run_dir,
        config.retention,
        config.introspection_budget,
        config.source,
        config.notices,
    )


def test_what_is_said_globally() -> None:
    config = read(
        "global: {interval: 10ms, dry_run: on, run_dir: /x, retention: 1h, introspection_budget: 0%}\n" + TARGET
    )
    settings = (config.interval, config.dry_run, config.run_dir, config.retention, config.introspection_budget)
    assert settings == (0.01, True, "/x", 3600.0, 0.0)


def test_a_section_of_nothing_but_comments_is_an_empty_section() -> None:
    read("global:\npolicies:\nactions:\n" + TARGET)


def test_the_digest_is_that_of_the_content() -> None:
    expected = hashlib.sha256(TARGET.encode()).hexdigest()
    assert expected == load(TARGET, "a.yaml", KINDS).digest == load(TARGET.encode(), "b.yaml", KINDS).digest
    assert load(TARGET + "# ä\n", "a.yaml", KINDS).digest != expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "1: found an empty file, wanted a configuration", id="an empty file"),
        pytest.param("~", "1: found an empty file, wanted a configuration", id="nothing"),
        pytest.param(
            "- a", "1: found a list, wanted a mapping with one of global, targets, policies, actions", id="a list"
        ),
        pytest.param(
            "just a text",
            "1: found 'just a text', wanted a mapping with one of global, targets, policies, actions",
            id="a text",
        ),
        pytest.param(
            "target: []\n" + TARGET,
            "1: target: found an unknown key, wanted one of global, targets, policies, actions; did you mean targets?",
            id="an unknown section",
        ),
        pytest.param(
            TARGET + TARGET,
            "2: targets: found the key a second time, wanted it once; line 1 has it already",
            id="a section that stands twice",
        ),
        pytest.param(
            "global: {interval: 0s}\n" + TARGET,
            "1: global.interval: found '0s', wanted between 10ms and 1h",
            id="no interval",
        ),
        pytest.param(
            "global: {interval: 9ms}\n" + TARGET,
            "1: global.interval: found '9ms', wanted between 10ms and 1h",
            id="an interval below 10 ms",
        ),
        pytest.param(
            "global: {interval: 2h}\n" + TARGET,
            "1: global.interval: found '2h', wanted between 10ms and 1h",
            id="an interval above an hour",
        ),
        pytest.param(
            "global: {interval: 1}\n" + TARGET,
            "1: global.interval: found '1', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
            id="an interval without a unit",
        ),
        pytest.param(
            "global: {interval: -1s}\n" + TARGET,
            "1: global.interval: found '-1s', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
            id="a negative interval",
        ),
        pytest.param(
            "global: {dry_run: perhaps}\n" + TARGET,
            "1: global.dry_run: found 'perhaps', wanted true or false",
            id="perhaps",
        ),
        pytest.param(
            "global: {run_dir: run}\n" + TARGET,
            "1: global.run_dir: found 'run', wanted an absolute path of at most 80 bytes; it holds sockets",
            id="a relative directory",
        ),
        pytest.param(
            f"global: {{run_dir: /{'ä' * 40}}}\n" + TARGET,
            f"1: global.run_dir: found '/{'ä' * 40}', wanted an absolute path of at most 80 bytes; it holds sockets",
            id="a directory too long for a socket",
        ),
        pytest.param(
            "global: {retention: 1s}\n" + TARGET,
            "1: global.retention: found '1s', wanted between 1m and 3650d",
            id="nothing is kept",
        ),
        pytest.param(
            "global: {introspection_budget: 200%}\n" + TARGET,
            "1: global.introspection_budget: found '200%', wanted at most 100%",
            id="two cores",
        ),
        pytest.param(
            "global: {intervall: 1s}\n" + TARGET,
            (
                "1: global.intervall: found an unknown key, wanted one of interval, dry_run, run_dir, "
                "retention, introspection_budget, kubernetes; did you mean interval?"
            ),
            id="an unknown setting",
        ),
        pytest.param(
            "global: [interval]\n" + TARGET,
            (
                "1: global: found a list, wanted a mapping with one of interval, dry_run, run_dir, "
                "retention, introspection_budget, kubernetes"
            ),
            id="a list of settings",
        ),
        pytest.param(TARGET + "actions: [trim]", "2: actions: found a list, wanted a mapping", id="a list of actions"),
        pytest.param(
            TARGET + "actions: {restart: {signal: SIGTERM, garce: 30s}}",
            (
                "2: actions.restart.garce: found an unknown key, wanted one of force, grace, signal, then, "
                "settle, only_if, at_most, on; did you mean grace?"
            ),
            id="an unknown key of an action",
        ),
        pytest.param(
            "targets: [{name: &n t, match: {name: *n}, policy: observe}, *m]",
            "1: found the alias '*m', wanted an alias of an anchor that stands above it",
            id="an alias of nothing",
        ),
    ],
)
def test_what_is_no_configuration(text: str, expected: str) -> None:
    assert faults(text) == [expected]


def test_every_fault_of_a_file_is_told_at_once_in_its_order() -> None:
    text = """\
        global: {interval: 1}
        targets:
          - name: a
            match: {cmdlin: x}
            policy: standrd
          - name: a
            match: {unit: nginx, pod: x}
            policy:
              extends: small
              tiers:
                warning: {when: {rss: 800MB}, for: 3}
                critical: {leave: {rss: 900MiB}}
        actions:
          end: {signal: SIGTERM, at_most: 3}
    """
    expected = [
        "1: global.interval: found '1', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
        (
            "4: targets[0].match.cmdlin: found an unknown key, wanted one of pid, pidfile, name, exe, cmdline, user, "
            "cgroup, unit, container, pod, agent, host, children, not; did you mean cmdline?"
        ),
        "5: targets[0].policy: found 'standrd', wanted a policy that exists; did you mean standard?",
        "6: targets[1].name: found 'a', wanted a name of its own; the target in line 3 has it already",
        "7: targets[1].match.unit: found 'nginx', wanted a unit with its suffix, such as nginx.service, or a pattern",
        (
            "7: targets[1].match.pod: found 'x', wanted * for any pod, or a mapping with namespace, name, labels, "
            "container, qos"
        ),
        (
            "11: targets[1].policy.tiers.warning.for: found '3', "
            "wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d"
        ),
        (
            "11: targets[1].policy.tiers.warning.when.rss: 800MB is above the enter of critical (200MB); "
            "warning would be entered after critical."
        ),
        (
            "11: targets[1].policy.tiers.warning.when.rss: 800MB is above the enter of emergency (500MB); "
            "warning would be entered after emergency."
        ),
        "12: targets[1].policy.tiers.critical.leave.rss: 900MiB is above enter (200MB); the tier would never settle.",
        "14: actions.end.at_most: found '3', wanted runs per time, such as 2/h, 3/10m or 1/30s",
    ]
    assert expected == faults(text)


def test_ten_thousand_targets_share_their_policy() -> None:
    lines = (
        f"  - {{name: t{n}, match: {{cmdline: 'worker {n}$', children: true}}, policy: standard}}\n"
        for n in range(10_000)
    )
    config = read("targets:\n" + "".join(lines))
    assert len(config.targets) == 10_000
    assert {id(target.policy) for target in config.targets} == {id(config.policies["standard"])}
    assert config.targets[-1].match.cmdline is not None
    assert config.targets[-1].match.cmdline.pattern == "worker 9999$"


def test_a_file_is_read_and_named_in_its_faults(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(TARGET)
    assert load_file(str(good), KINDS).source == str(good)
    bad = tmp_path / "bad.yaml"
    bad.write_text("targets: []")
    with pytest.raises(ConfigError) as caught:
        load_file(str(bad), KINDS)
    expected = f"{bad}:1: targets: found an empty list, wanted at least one target; nothing would be watched"
    assert caught.value.faults == (expected,)


def test_a_pattern_that_python_warns_of_is_no_fault_and_no_noise(recwarn: pytest.WarningsRecorder) -> None:
    read("targets: [{name: t, match: {cmdline: '[[a]'}, policy: observe}]")
    assert [str(warning.message) for warning in recwarn] == []


def test_a_user_that_nobody_knows_is_a_note_and_a_uid_is_none() -> None:
    text = """
        targets:
          - {name: a, match: {user: no-such-user, not: {user: '4711'}}, policy: observe}
    """
    notes = [note for note in read(text).notices if "no-such-user" in note]
    assert notes == ["target a: user 'no-such-user' is not known here, so it matches nothing; a uid is good"]


def test_a_target_that_can_never_take_a_process_is_a_note() -> None:
    text = """
        targets:
          - {name: a, match: {name: python3, not: {cmdline: x}}, policy: observe}
          - {name: b, match: {name: python3}, policy: observe}
          - {name: c, match: {not: {cmdline: x}, name: python3}, policy: observe}
    """
    assert read(text).notices == (
        "target c: its match is that of target a before it, which takes every process; this one never takes any",
    )
