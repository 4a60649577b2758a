"""What do the functions that a program calls accept? A wrong argument is an error where it was written."""

from typing import Any

import pytest

from brimwatch import hooks
from brimwatch.hooks.clearing import Clearing
from brimwatch.hooks.modules import Unloadable
from brimwatch.hooks.registry import Hook, Registry
from brimwatch.hooks.settings import LEVELS, Settings
from brimwatch.hooks.thresholds import resolve


def nothing(_: Any = None) -> None:
    return None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"warning": 5}, {"warning": 5}, id="bytes"),
        pytest.param({"critical": "50%", "emergency": "99.5%"}, {"critical": 500, "emergency": 995}, id="percentages"),
        pytest.param({}, {}, id="none at all"),
    ],
)
def test_thresholds_are_bytes_or_shares_of_the_limit(given: dict[str, Any], expected: dict[str, int]) -> None:
    assert expected == resolve(given, (1000, "cgroup"))


def test_a_share_of_an_unknown_limit_is_left_out() -> None:
    assert resolve({"warning": "50%", "critical": 7}, None) == {"critical": 7}


@pytest.mark.parametrize(
    "given",
    [
        {"calm": 5},
        {"red": 5},
        {"warning": 0},
        {"warning": True},
        {"warning": "50"},
        {"warning": "0%"},
        {"warning": "101%"},
        {"warning": "nan%"},
        {"warning": 1.5},
        {"warning": 9, "critical": 8},
    ],
)
def test_thresholds_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^hooks.*found .*wanted "):
        resolve(given, (1000, "cgroup"))


def test_settings_come_by_level_and_one_by_one() -> None:
    settings = Settings()
    assert settings.configure(None, {}) == LEVELS["standard"]
    assert settings.configure(None, {"cache_max_size_mb": 7})["cache_max_size_mb"] == 7
    assert settings.configure("aggressive", {}) == LEVELS["aggressive"]
    assert settings.configure(None, {"target_dimensions": 9}) == {**LEVELS["aggressive"], "target_dimensions": 9}


@pytest.mark.parametrize(
    ("level", "changes"),
    [
        ("huge", {}),
        (None, {"cache": 1}),
        (None, {"cache_max_size_mb": 0}),
        (None, {"cache_max_size_mb": "7"}),
        (None, {"streaming_batch_size": 0.5}),
        (None, {"streaming_batch_size": 1_000_001}),
        (None, {"target_dimensions": 0.5}),
    ],
    ids=str,
)
def test_settings_that_cannot_be_change_nothing(level: Any, changes: dict[str, Any]) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match=r"^hooks\.configure: found .*wanted "):
        settings.configure(level, changes)
    assert settings.values == LEVELS["standard"]


def test_a_hook_takes_the_place_of_one_of_its_name_and_room_is_kept_for_the_built_in_ones() -> None:
    registry = Registry()
    assert [registry.add(Hook(f"h{n}", "warning", nothing)) for n in range(62)] == [True] * 60 + [False] * 2
    assert registry.add(Hook("h3", "critical", nothing))
    assert registry.add(Hook("gc", "critical", nothing))
    assert (len(registry.hooks), registry.refused, registry.hooks["h3"].tier) == (61, 2, "critical")
    assert [registry.discard("h3"), registry.discard("h3")] == [True, False]


@pytest.mark.parametrize(("name", "tier"), [("", "warning"), ("<lambda>", "warning"), ("x", "calm"), ("x", None)])
def test_a_hook_without_a_name_or_tier_is_refused(name: str, tier: Any) -> None:
    with pytest.raises(ValueError, match=r"^hooks: found .*wanted "):
        Registry().add(Hook(name, tier, nothing))


def test_hooks_of_a_round_come_by_tier_or_by_name_in_their_order() -> None:
    registry = Registry()
    for name, tier, order in (("c", "critical", 1), ("b", "warning", 2), ("a", "warning", 2)):
        registry.add(Hook(name, tier, nothing, order))
    registry.add(Hook("figures", "warning", None))
    chosen = [[hook.name for hook in registry.chosen(*how)] for how in (("warning", None), ("emergency", None))]
    assert chosen == [["a", "b"], ["c", "a", "b"]]
    assert [hook.name for hook in registry.chosen("warning", ("c", "figures", "x"))] == ["c"]


@pytest.mark.parametrize("caches", [(), (5,), ("nothing",), ("a:",), (":b",)])
def test_what_cannot_be_emptied_is_refused(caches: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"^hooks\.clear: found .*wanted "):
        Clearing(caches)


@pytest.mark.parametrize("name", ["", "a b", "a..b", "a/b", 5])
def test_what_is_no_module_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="wanted a dotted name"):
        Unloadable().add(name)


@pytest.mark.parametrize("key", ["size", "hit_ratio", "info", "function"])
def test_what_is_registered_is_a_function(key: str) -> None:
    with pytest.raises(ValueError, match=rf"^hooks\.register: found {key}=5, wanted a function"):
        hooks.register("cache", **{key: 5})


@pytest.mark.parametrize("mount", [hooks.wsgi, hooks.asgi], ids=["wsgi", "asgi"])
def test_what_is_mounted_is_an_application(mount: Any) -> None:
    with pytest.raises(ValueError, match=r"^hooks\.[aw]sgi: found the application 'shop', wanted "):
        mount("shop")


@pytest.mark.parametrize("known", [False, True], ids=["a new name", "a name that is there"])
@pytest.mark.parametrize(
    "given",
    [
        {"name": "no spaces"},
        {"name": 5},
        {"name": ["list"]},
        {"tier": "red"},
        {"tier": None},
        {"order": "first"},
        {"order": True},
        {"group": "no spaces"},
        {"run_on": "elsewhere"},
    ],
    ids=str,
)
def test_registering_refuses_what_the_decorator_refuses(given: dict[str, Any], known: bool) -> None:
    if known:
        hooks.register("there", size=nothing)
    try:
        with pytest.raises(ValueError, match=r"^hooks.*found .*wanted ") as by_register:
            hooks.register(**{"name": "there", **given})
        named = {"tier": "warning", **given}
        with pytest.raises(ValueError, match=r"^hooks.*found .*wanted ") as by_decorator:
            hooks.on(**named)(nothing)
        assert str(by_register.value) == str(by_decorator.value)
    finally:
        hooks.off("there")


def test_what_is_decorated_is_a_function() -> None:
    with pytest.raises(ValueError, match=r"^hooks\.on: found 5, wanted a function"):
        hooks.on("warning", name="five")(5)  # type: ignore[type-var]


@pytest.mark.parametrize("mount", [hooks.wsgi, hooks.asgi], ids=["wsgi", "asgi"])
@pytest.mark.parametrize(
    "given",
    [{"prefix": 5}, {"prefix": "memory"}, {"token_file": 5}, {"local": "no"}, {"open_stats": 1}],
    ids=str,
)
def test_a_mount_that_cannot_be_is_refused_where_it_is_written(mount: Any, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^hooks: found .*wanted "):
        mount(nothing, **given)
