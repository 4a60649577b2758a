"""What is asked below the prefix, and what goes to the application?"""

import io
import threading
import time
from typing import Any

import pytest
from tests.hooks.mounted.mounting import ask, endpoints, mount

from brimwatch.hooks.registry import Hook, Registry
from brimwatch.hooks.wire import LONGEST_BODY, MOST_HOOKS


def frees(claim: int) -> Any:
    return lambda request: claim


def some() -> list[Hook]:
    return [
        Hook("thumbs", "warning", frees(3), group="images"),
        Hook("originals", "emergency", frees(4), size=lambda: 9, group="images"),
        Hook("reports", "critical", frees(5)),
    ]


def ran(reply: Any) -> list[str]:
    assert reply.status == 200, reply
    return [
        hook["name"] for hook in reply.body["hooks"] if hook["name"] not in ("stdlib-caches", "modules", "gc", "trim")
    ]


@pytest.mark.parametrize("path", ["/memory", "/memory/", "/memory/stats"])
def test_figures_are_those_of_status(path: str) -> None:
    body = ask(mount(some()), "GET", path).body
    wanted = {"memory_usage_gb", "peak_memory_gb", "memory_warnings", "tier", "hooks", "caches", "pid", "groups"}
    assert wanted - set(body) == set()
    assert (body["tier"], body["groups"], list(body["caches"])) == ("calm", ["images"], ["originals"])


def test_the_report_is_text_for_a_person() -> None:
    reply = ask(mount(some()), "GET", "/memory/report")
    text = reply.content.decode()
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "images/thumbs" in text
    assert "resident set" in text


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/memory/optimize", b"", ["reports", "thumbs"]),
        ("/memory/optimize", {"tier": "warning"}, ["thumbs"]),
        ("/memory/emergency/reduce", b"", ["originals", "reports", "thumbs"]),
        ("/memory/images/optimize", b"", ["thumbs"]),
        ("/memory/images/emergency-clear", b"", ["originals", "thumbs"]),
        ("/memory/images/emergency-clear?workers=this", b"", ["originals", "thumbs"]),
    ],
)
def test_a_post_runs_the_hooks_of_its_tier_and_group(path: str, body: Any, expected: list[str]) -> None:
    reply = ask(mount(some()), "POST", path, body)
    assert (ran(reply), reply.body["complete"]) == (expected, True)


def test_a_groups_post_runs_no_hook_of_another_group_and_no_built_in_one() -> None:
    body = ask(mount(some()), "POST", "/memory/images/emergency-clear").body
    assert [(hook["name"], hook["claimed_bytes"]) for hook in body["hooks"]] == [("originals", 4), ("thumbs", 3)]


def test_a_group_has_figures_of_its_own() -> None:
    body = ask(mount(some()), "GET", "/memory/images/stats").body
    assert (body["footprint_bytes"], [hook["name"] for hook in body["hooks"]]) == (9, ["originals", "thumbs"])


def test_the_emergency_says_how_near_it_is() -> None:
    mounted = mount(some())
    mounted._endpoints._state.judgement.thresholds = {"emergency": 1 << 33}
    body = ask(mounted, "GET", "/memory/emergency/status").body
    assert (body["emergency"], body["emergency_bytes"], 0 < body["emergency_ratio"] < 1) == (False, 1 << 33, True)
    assert {"originals", "thumbs", "reports", "gc", "trim"} <= set(body["hooks"])


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/memory/stats", "GET, HEAD"), ("PUT", "/memory/optimize", "POST"), ("DELETE", "/memory", "GET, HEAD"),
        ("GET", "/memory/optimize", "POST"), ("OPTIONS", "/memory/emergency/reduce", "POST"),
        ("HEAD", "/memory/images/optimize", "POST"), ("POST", "/memory/images/stats", "GET, HEAD"),
        ("TRACE", "/memory/report", "GET, HEAD"),
    ],
)  # fmt: skip
def test_another_method_is_told_which_one(method: str, path: str, allow: str) -> None:
    reply = ask(mount(some()), method, path)
    assert (reply.status, reply.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    "path", ["/memory/nothing", "/memory//", "/memory/stats/", "/memory/others/stats", "/memory/images/",
             "/memory/images", "/memory/images/stats/x", "/memory/None/stats", "/memory/../stats", "/memory/emergency"],
)  # fmt: skip
def test_below_the_prefix_all_else_is_nowhere(path: str) -> None:
    assert ask(mount(some()), "GET", path).status == 404


@pytest.mark.parametrize("path", ["/", "", "/memoryx", "/memor", "/x/memory", "/Memory", "//memory", "/memory.txt"])
def test_what_is_not_below_the_prefix_is_the_applications(path: str) -> None:
    assert ask(mount(some()), "GET", path, SCRIPT_NAME="/root").content.decode() == f"/root|{path}"


def test_below_a_script_root_the_prefix_is_that_of_the_application() -> None:
    assert ask(mount(), "GET", "/memory/stats", SCRIPT_NAME="/shop").status == 200


def test_a_head_is_the_get_without_its_content() -> None:
    mounted = mount(some())
    get, head = ask(mounted, "GET", "/memory/images/stats"), ask(mounted, "HEAD", "/memory/images/stats")
    assert (head.status, head.content, head.headers) == (200, b"", get.headers)


@pytest.mark.parametrize("prefix", ["/_mem", "/a/b.c", "/~x-y"])
def test_another_prefix(prefix: str) -> None:
    assert ask(mount(prefix=prefix), "GET", f"{prefix}/stats").status == 200
    assert ask(mount(prefix=prefix), "GET", "/memory/stats").content == b"|/memory/stats"


@pytest.mark.parametrize("prefix", ["", "/", "memory", "/memory/", "/../x", "/a//b", "/%6d", "/a b", "/m\n", None, 3])
def test_a_prefix_that_cannot_be_is_told_where_it_was_written(prefix: Any) -> None:
    with pytest.raises(ValueError, match="prefix"):
        endpoints(prefix=prefix)


@pytest.mark.parametrize("group", ["emergency", "..", ".", "", "a/b", "a b", "\u00e4", 7, "x" * 65])
def test_a_group_that_cannot_be_is_told_where_it_was_written(group: Any) -> None:
    with pytest.raises(ValueError, match="group"):
        Registry().add(Hook("a", "warning", None, group=group))


@pytest.mark.parametrize(
    ("status", "path", "body", "environ"),
    [
        pytest.param(400, "/memory/optimize", {"tier": "emergency"}, {}, id="a tier of another path"),
        pytest.param(400, "/memory/emergency/reduce", {"tier": "warning"}, {}, id="a tier that the path excludes"),
        pytest.param(400, "/memory/optimize", {"tier": ["warning"]}, {}, id="a tier that is none"),
        pytest.param(400, "/memory/optimize", {"names": ["gc"]}, {}, id="names, which the path decides"),
        pytest.param(400, "/memory/optimize", {"group": "images"}, {}, id="a group, which the path decides"),
        pytest.param(400, "/memory/optimize", {"deadline_seconds": 1e9}, {}, id="a deadline too far away"),
        pytest.param(400, "/memory/optimize", {"needed_bytes": -1}, {}, id="fewer bytes than none"),
        pytest.param(400, "/memory/optimize", [1], {}, id="JSON that is no object"),
        pytest.param(400, "/memory/optimize", b"{", {}, id="no JSON"),
        pytest.param(400, "/memory/optimize", b"[" * 60_000, {}, id="JSON nested without end"),
        pytest.param(400, "/memory/optimize?workers=some", b"", {}, id="a query that is not understood"),
        pytest.param(400, "/memory/optimize?tier=warning", b"", {}, id="another query"),
        pytest.param(415, "/memory/optimize", b"{}", {"CONTENT_TYPE": "text/plain"}, id="what a form could send"),
        pytest.param(413, "/memory/optimize", b"x" * (LONGEST_BODY + 1), {}, id="a body too long"),
        pytest.param(413, "/memory/optimize", b"", {"CONTENT_LENGTH": "99999999999"}, id="a length too long"),
        pytest.param(400, "/memory/optimize", b"", {"CONTENT_LENGTH": "-1"}, id="a length below nothing"),
        pytest.param(400, "/memory/optimize", b"", {"CONTENT_LENGTH": "\u0663"}, id="a length in other digits"),
        pytest.param(400, "/memory/optimize", b"{}", {"CONTENT_LENGTH": "9"}, id="a body that ends too soon"),
        pytest.param(411, "/memory/optimize", b"", {"HTTP_TRANSFER_ENCODING": "chunked"}, id="chunks without an end"),
        pytest.param(
            413, "/memory/optimize", b"", {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True,
            "wsgi.input": io.BytesIO(b" " * 70_000)}, id="chunks too long",
        ),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_is_refused_and_runs_nothing(
    status: int, path: str, body: Any, environ: dict[str, Any]
) -> None:
    called: list[object] = []
    reply = ask(mount([Hook("a", "warning", called.append)]), "POST", path, body, **environ)
    assert (reply.status, reply.body["error"], called) == (status, "refused", [])


def test_chunks_that_the_server_ends_are_read() -> None:
    body = io.BytesIO(b'{"tier": "warning"}')
    reply = ask(
        mount(some()), "POST", "/memory/optimize", b"", CONTENT_TYPE="application/json; charset=utf-8",
        **{"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": body},
    )  # fmt: skip
    assert ran(reply) == ["thumbs"]


def test_nothing_of_a_body_is_read_before_it_may_be_sent() -> None:
    reply = ask(mount(local=False), "POST", "/memory/optimize", b"{}", **{"wsgi.input": None})
    assert (reply.status, reply.body["error"]) == (403, "denied")


def raises(request: object) -> None:
    raise SystemExit("out of here")


def test_a_hook_that_raises_is_an_outcome_and_the_next_one_runs() -> None:
    reply = ask(mount([Hook("bad", "warning", raises, 1), *some()]), "POST", "/memory/optimize")
    assert ran(reply) == ["bad", "reports", "thumbs"]
    bad = next(hook for hook in reply.body["hooks"] if hook["name"] == "bad")
    assert (bad["outcome"], bad["reason"], reply.body["complete"]) == ("failed", "error", True)


def test_a_hook_that_hangs_is_answered_at_the_deadline_and_holds_only_its_own_turn() -> None:
    going_on = threading.Event()
    mounted = mount([Hook("stuck", "warning", lambda request: going_on.wait(60), 1)])
    reply = ask(mounted, "POST", "/memory/optimize", {"deadline_seconds": 0.2})
    stuck = reply.body["hooks"][0]
    assert (reply.status, reply.body["complete"]) == (200, False)
    assert (stuck["name"], stuck["outcome"], stuck["reason"]) == ("stuck", "failed", "deadline")
    busy = ask(mounted, "POST", "/memory/optimize")
    assert (busy.status, busy.body["error"], "stuck" in busy.body["detail"]) == (409, "busy", True)
    assert ask(mounted, "GET", "/memory/stats").body["busy"]["hook"] == "stuck"
    going_on.set()
    end = time.monotonic() + 20
    while ask(mounted, "POST", "/memory/optimize").status == 409:
        assert time.monotonic() < end


def test_figures_that_hang_hold_up_no_answer() -> None:
    going_on = threading.Event()
    mounted = mount([Hook("a", "warning", None, size=lambda: going_on.wait(60))])
    assert [ask(mounted, "GET", "/memory/stats").status for _ in range(3)] == [200, 200, 200]
    going_on.set()


def test_many_at_once_take_turns() -> None:
    both = threading.Barrier(2)
    mounted = mount([Hook("slow", "warning", lambda request: both.wait(20))])
    replies: list[int] = []
    first = threading.Thread(target=lambda: replies.append(ask(mounted, "POST", "/memory/optimize").status))
    first.start()
    end = time.monotonic() + 20
    while ask(mounted, "GET", "/memory/stats").body["busy"] is None:
        assert time.monotonic() < end
    assert [ask(mounted, "POST", "/memory/optimize").status for _ in range(8)] == [409] * 8
    both.wait(20)
    first.join()
    assert replies == [200]


def test_a_program_may_have_as_many_groups_as_hooks() -> None:
    hooks = [Hook(f"h{n}", "warning", frees(1), group=f"g{n}") for n in range(MOST_HOOKS - 4)]
    mounted = mount(hooks)
    assert len(ask(mounted, "GET", "/memory").body["groups"]) == MOST_HOOKS - 4
    assert ran(ask(mounted, "POST", "/memory/g7/optimize")) == ["h7"]


def test_exceptions_and_streams_of_the_application_go_through_as_they_are() -> None:
    class Stream(list):  # type: ignore[type-arg]
        pass

    stream = Stream([b"a", b"b"])
    seen: list[Any] = []

    def streaming(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(start_response)
        if environ["PATH_INFO"] == "/fault":
            raise KeyError("of the application's")
        return stream

    mounted = mount(app=streaming)

    def start(*said: Any) -> None:
        pass

    assert mounted({"PATH_INFO": "/x", "REQUEST_METHOD": "GET"}, start) is stream
    assert seen == [start]
    with pytest.raises(KeyError, match="of the application's"):
        mounted({"PATH_INFO": "/fault", "REQUEST_METHOD": "GET"}, start)
