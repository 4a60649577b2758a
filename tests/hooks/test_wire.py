import pytest

from brimwatch.hooks import wire


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, ("/run/brimwatch", "/tmp/brimwatch-7"), id="without anything set"),
        pytest.param(
            {"XDG_RUNTIME_DIR": "/run/user/7"},
            ("/run/brimwatch", "/run/user/7/brimwatch", "/tmp/brimwatch-7"),
            id="with a session's directory",
        ),
        pytest.param({"BRIMWATCH_RUN_DIR": "/x", "XDG_RUNTIME_DIR": "/y"}, ("/x",), id="a chosen one stands alone"),
        pytest.param(
            {"BRIMWATCH_RUN_DIR": "x", "XDG_RUNTIME_DIR": "y"},
            ("/run/brimwatch", "/tmp/brimwatch-7"),
            id="relative ones are passed over",
        ),
    ],
)
def test_run_directories_in_their_order(environment: dict[str, str], expected: tuple[str, ...]) -> None:
    assert expected == wire.run_dirs(7, environment)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("12.sock", (12, None)),
        ("12-345.sock", (12, 345)),
        ("12-.sock", None),
        ("012.sock", None),
        ("0.sock", None),
        ("12-0345.sock", None),
        ("12.sock.tmp", None),
        (".12-345", None),
        ("\N{ARABIC-INDIC DIGIT ONE}.sock", None),
        ("12345678901.sock", None),
        ("-1.sock", None),
        ("12-3-4.sock", None),
    ],
)
def test_what_a_file_name_means(name: str, meaning: object) -> None:
    assert meaning == wire.parse_socket_name(name)


def test_a_name_is_read_as_it_was_written() -> None:
    assert wire.parse_socket_name(wire.socket_name(12, 345)) == (12, 345)
    assert wire.parse_socket_name(wire.socket_name(12)) == (12, None)
    assert wire.abstract_name(7, 12, 345) == b"\0brimwatch-7-12-345"


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        ("gc", True),
        ("stdlib-caches", True),
        ("cache:load.x_1", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("ä", False),
        ('a"b', False),
        ("a{b}", False),
        (None, False),
        (5, False),
    ],
)
def test_what_may_be_a_name(name: object, fine: bool) -> None:
    assert wire.is_name(name) is fine


def test_texts_are_bounded_to_one_line_of_ascii() -> None:
    assert wire.bounded("a\nb\x1b[31m\u2028ä") == r"a b [31m\u2028\xe4"
    assert wire.bounded("x" * 300, 10) == "xxxxxxx..."


def test_the_words_for_reasons_are_those_of_the_daemon() -> None:
    from brimwatch.model import Reason

    assert set(wire.REASONS) <= set(Reason)


def test_the_tiers_are_those_of_the_daemon() -> None:
    from brimwatch.model import Tier

    assert tuple(tier.label for tier in Tier) == wire.TIERS
