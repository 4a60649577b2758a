"""Are passwords checked off the loop, few at a time, and remembered only where they were right?"""

import asyncio
import base64
import threading
from collections.abc import Awaitable, Callable

import bcrypt
import pytest

from brimwatch.web.auth import Access, Asked, Need, user_of
from brimwatch.web.logins import MOST_WAITING, Given, Logins
from brimwatch.web.webconfig import WebConfig

CHEAP = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
DEAR = bcrypt.hashpw(b"right", bcrypt.gensalt(10)).decode()
HERE = Asked("127.0.0.1", "127.0.0.1:9847")
AWAY = Asked("192.0.2.7", "brimwatch.example:9847")


def run(work: Callable[[Logins], Awaitable[None]], hashed: str = CHEAP) -> None:
    async def begin() -> None:
        logins = Logins({"alice": hashed})
        try:
            await asyncio.wait_for(work(logins), 30)
        finally:
            logins.close()

    asyncio.run(begin())


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Given("alice", b"right"), True),
        (Given("alice", b"wrong"), False),
        (Given("alice", b""), False),
        (Given("mallory", b"right"), False),
        (Given("", b"right"), False),
        (Given("alice", b"right\0more"), False),
        (Given("alice", b"x" * 5000), False),
    ],
    ids=["right", "wrong", "empty", "an unknown user", "no user", "a NUL", "a long one"],
)
def test_a_password_is_right_or_wrong(given: Given, expected: bool) -> None:
    async def work(logins: Logins) -> None:
        assert await logins.check(given) is expected

    run(work)


def test_passwords_are_checked_where_a_sandbox_forbids_to_step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.setpriority", forbidden)  # as systemd's SystemCallFilter=~@resources does

    async def work(logins: Logins) -> None:
        assert await logins.check(Given("alice", b"right"))

    run(work)


def test_what_counts_of_a_long_password_is_its_beginning() -> None:
    async def work(logins: Logins) -> None:
        assert await logins.check(Given("alice", b"a" * 72 + b"what follows never counted"))

    run(work, bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4)).decode())


@pytest.mark.parametrize("prefix", ["$2y$", "$2b$", "$2a$"])
def test_every_form_of_hash_that_the_tools_make_is_taken(prefix: str) -> None:
    async def work(logins: Logins) -> None:
        assert await logins.check(Given("alice", b"right"))

    run(work, prefix + CHEAP[4:])


def test_what_was_right_is_not_checked_again_and_what_was_wrong_is() -> None:
    async def work(logins: Logins) -> None:
        await logins.check(Given("alice", b"right"))
        logins.close()  # from here on nothing is checked
        assert await logins.check(Given("alice", b"right"))
        wrong = asyncio.ensure_future(logins.check(Given("alice", b"wrong")))
        await asyncio.sleep(0)
        assert not wrong.done()
        logins.close()
        assert await wrong is False

    run(work)


def test_beyond_so_many_that_wait_nobody_is_checked_and_the_loop_goes_on() -> None:
    async def work(logins: Logins) -> None:
        asked = [asyncio.ensure_future(logins.check(Given("alice", b"%d" % n))) for n in range(500)]
        turns = 0
        while not all(one.done() for one in asked):
            turns += 1
            await asyncio.sleep(0.001)
        answers = [one.result() for one in asked]
        assert answers.count(False) == MOST_WAITING
        assert answers.count(None) == 500 - MOST_WAITING
        assert turns > 20, "the loop had its turns while bcrypt ran"
        assert sum(thread.name == "logins" for thread in threading.enumerate()) == 1

    run(work, DEAR)


def test_the_same_question_twice_at_once_is_one_check() -> None:
    async def work(logins: Logins) -> None:
        asked = [logins.check(Given("alice", b"right")) for _ in range(100)]
        assert await asyncio.gather(*asked) == [True] * 100

    run(work)


@pytest.mark.parametrize(
    ("need", "asked", "status"),
    [
        (Need.NOTHING, AWAY, None),
        (Need.SCRAPE, HERE, 401),
        (Need.SCRAPE, AWAY, 401),
        (Need.SCRAPE, AWAY._replace(authorization=basic("alice", "right")), None),
        (Need.VIEW, HERE, 401),
        (Need.VIEW, AWAY._replace(authorization=basic("alice", "right")), None),
        (Need.VIEW, AWAY._replace(authorization=basic("alice", "wrong")), 401),
        (Need.VIEW, AWAY._replace(authorization="Bearer right"), 401),
        (Need.VIEW, AWAY._replace(authorization="Basic ????"), 401),
        (Need.CHANGE, HERE, 401),
        (Need.CHANGE, AWAY._replace(authorization=basic("alice", "right")), None),
        (Need.CHANGE, AWAY._replace(authorization=basic("alice", "right"), origin="http://evil.example"), 403),
    ],
    ids=[
        "health", "a scrape over loopback", "a scrape", "a scrape with the password", "the page over loopback",
        "the page with the password", "a wrong password", "a token where none is configured", "no basic auth",
        "a change over loopback, lifecycle or not", "a change with the password", "a change by a page elsewhere",
    ],
)  # fmt: skip
def test_with_users_everything_but_health_asks_for_one(need: Need, asked: Asked, status: int | None) -> None:
    async def admitted() -> int | None:
        access = Access(lifecycle=True)
        access.rules.apply(WebConfig(users={"alice": CHEAP}))
        try:
            refused = await access.admit(need, asked)
        finally:
            access.rules.close()
        return None if refused is None else refused.status

    assert asyncio.run(admitted()) == status


def test_a_reload_that_keeps_the_users_keeps_what_is_known_of_them() -> None:
    async def work() -> None:
        rules = Access().rules
        rules.apply(WebConfig(users={"alice": CHEAP}))
        before = rules.logins
        rules.apply(WebConfig(users={"alice": CHEAP}, headers=((b"x-frame-options", b"deny"),)))
        assert rules.logins is before
        rules.apply(WebConfig(users={"alice": DEAR}))
        assert rules.logins is not before
        rules.apply(WebConfig())
        assert rules.logins is None

    asyncio.run(work())


def test_user_and_password_are_read_as_they_were_sent() -> None:
    assert user_of(basic("älice", "a:b")) == Given("älice", b"a:b")
    assert user_of("Basic " + base64.b64encode(b"no colon").decode()) is None
    assert user_of("Bearer x") is None
