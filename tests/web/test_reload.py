"""Is the configuration reloaded over HTTP for those who may, and for no others?"""

from dataclasses import replace
from pathlib import Path

import httpx
from tests.record.pictures import told
from tests.web.daemons import served, services

from brimwatch.web.auth import Access
from brimwatch.web.services import Answer

TOKEN = "a-long-and-secret-token"


class Inbox:
    """Counts what it is asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def __call__(self, command: str, **_: str) -> Answer:
        self.asked.append(command)
        return self.answer


def test_a_reload_with_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    inbox = Inbox(Answer(True, "4 targets"))
    with served(replace(services(told()), access=Access(str(file)), submit=inbox)) as url:
        without = httpx.post(url + "/-/reload")
        answer = httpx.post(url + "/-/reload", headers={"authorization": f"Bearer {TOKEN}"})

    assert (without.status_code, without.headers["www-authenticate"].split()[0]) == (401, "Bearer,")
    assert (answer.status_code, answer.json()) == (200, {"reloaded": True, "said": "4 targets"})
    assert inbox.asked == ["reload"]


def test_a_refused_configuration_is_told() -> None:
    inbox = Inbox(Answer(False, "b.yaml:3: found x, wanted y"))
    with served(replace(services(told()), access=Access(lifecycle=True), submit=inbox)) as url:
        answer = httpx.post(url + "/-/reload")

    assert (answer.status_code, answer.json()) == (422, {"error": "b.yaml:3: found x, wanted y"})


def test_without_token_or_lifecycle_nothing_is_reloaded() -> None:
    inbox = Inbox(Answer(True, ""))
    with served(replace(services(told()), submit=inbox)) as url:
        answer = httpx.post(url + "/-/reload")

    assert (answer.status_code, inbox.asked) == (403, [])
