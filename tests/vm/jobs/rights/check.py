"""What is seen, and what may be done, at each privilege? As the page says, row by row."""

from harness import until
from network import Post, add_address
from unit import Check, events, install, ready, series, service, table, use

LEVELS = {"the unit alone": (), "`05-inspect.conf`": ("05-inspect.conf",), "`10-actions.conf`": ("10-actions.conf",)}
SEEN = """
global: {introspection_budget: 50%, interval: 250ms}
targets:
  - {name: plain, match: {unit: plain.service}, policy: counting}
  - {name: agent, match: {unit: agent.service}, policy: counting}
  - {name: python, match: {exe: '*/python3*', user: third}, policy: observe}
policies: {counting: {tiers: {warning: {when: {python_objects: 1000000000, trimmable: 50GB}}}}}
"""
DONE = """
global: {interval: 250ms}
targets: [{name: agent, match: {unit: agent.service}, policy: all}]
policies:
  all: {cooldown: 1h, tiers: {critical: {when: {rss: 10MB}, tell: [stacks], do: [ask, nudge, ceiling, brake, squeeze,
    tidy]}}}
actions:
  ask: {hook: {names: [cache]}}
  nudge: {signal: SIGUSR1, settle: 200ms}
  ceiling: {rlimit: {data: +200MB}}
  brake: {cgroup: {memory.high: 90%}, max: 10s}
  squeeze: {cgroup: {memory.reclaim: 1MB}}
  tidy: {exec: [/bin/true]}
"""


def wanted(heading: str, column: int) -> dict[str, str]:
    return {name: cells[column] for name, cells in table(heading).items()}


SENT = """
targets: [{name: agent, match: {unit: agent.service}, policy: all}]
policies: {all: {tiers: {critical: {when: {rss: 10MB}, tell: [pager]}}}}
actions: {pager: {webhook: {url: 'http://10.9.9.9:8099/', tells: true, deadline: 1m, timeout: 2s}}}
"""


class Missing(set[str]):
    """Rows that do not hold yet: not true, and shown when time is up."""

    def __bool__(self) -> bool:
        return False


def check_what_is_seen() -> None:
    install()
    service("plain", "app.py signal 30 1 30", "MemoryMax=200M", user="other")
    service("lone", "app.py signal 1 1 1", user="third")
    hidden = "PrivateTmp=yes\nProtectSystem=strict\nReadWritePaths=/run/brimwatch"  # as the page says
    ready(service("agent", "app.py agent 30 1 30", f"MemoryMax=200M\n{hidden}"))
    for column, (level, drop_ins) in enumerate(LEVELS.items()):
        with Check(f"seen by {level}: as the page says"):
            use(*drop_ins, config=SEEN)
            expected = wanted("What is seen", column)
            yes = {name for name, word in expected.items() if word == "yes"}
            until(lambda yes=yes, every=set(expected): yes <= facts(every) or Missing(yes - facts(every)), 60)
            assert facts(set(expected)) == yes, sorted(facts(set(expected)) ^ yes)
            print("    no: " + (", ".join(sorted(set(expected) - yes)) or "nothing"), flush=True)


def facts(names: set[str]) -> set[str]:
    """Which rows of the page's table hold now."""
    plain, agent = series("plain"), series("agent")
    found = {name for name in names if name.removeprefix("brimwatch_") in plain}
    if "hook_footprint_bytes" in agent or "target_python_threads" in agent:
        found.add("what agents tell")
    if "target_resident_memory_bytes" in series("python"):
        found.add("match: {exe: ...}")
    return found


def check_what_can_be_done() -> None:
    for column, (level, drop_ins) in enumerate(LEVELS.items()):
        with Check(f"done by {level}: as the page says"):
            service("agent", "app.py agent 30 1 30", "MemoryMax=200M")
            use(*drop_ins, config=DONE)
            until(lambda: outcomes().keys() >= {"ask", "nudge", "ceiling", "brake", "squeeze", "tidy"}, 90)
            until(lambda: "stacks" in outcomes())
            found = outcomes()
            print("    " + ", ".join(f"{name} {word}" for name, word in found.items()), flush=True)
            expected = wanted("What can be done", column)
            assert {name: found.get(name) for name in expected} == expected


def outcomes() -> dict[str, str]:
    found = {}
    for event in ("action_ran", "action_suppressed", "action_failed"):
        for one in events(event, "agent"):
            found[one["action"]] = "runs" if event == "action_ran" else one["reason"]
    return found


def check_who_can_be_told() -> None:
    add_address("10.9.9.9")
    service("agent", "app.py agent 30 1 30")
    with Post("10.9.9.9", 8099) as post:
        with Check("another machine is out of reach of the unit alone, whatever the configuration says"):
            use(config=SENT)
            said = until(lambda: events("webhook_delayed", "agent"), 60)[0]["detail"]
            assert said.endswith("no answer within 2.0s, connecting"), said  # the kernel drops what is not allowed
            assert post.received == []
        with Check("with `20-webhook.conf` it is told"):
            use("20-webhook.conf", config=SENT)
            until(lambda: post.received, 90)


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
