"""Are samples and histories served to those who may see them, as long as they listen?"""

import json
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.record.pictures import told
from tests.web.daemons import served, services

from brimwatch.web.auth import Access
from brimwatch.web.services import Services

ROWS = [{"member": 0, "columns": ["time"], "rows": [[1.5]]}]
asked: list[Collection[str]] = []


async def lines(targets: Collection[str]) -> AsyncIterator[bytes]:
    asked.append(targets)
    for number in range(3):
        yield json.dumps({"row": "beat", "at": number}).encode() + b"\n"


def history(name: str) -> Iterable[object] | None:
    return iter(ROWS) if name in ("checkout", "system.slice/a.service") else None


def handed_in() -> Services:
    return replace(services(told()), samples=lines, history=history)


def test_samples_come_as_json_lines() -> None:
    with served(handed_in()) as url, httpx.stream("GET", url + "/api/v1/samples?target=a&target=b") as answer:
        rows = [json.loads(line) for line in answer.iter_lines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [row["at"] for row in rows] == [0, 1, 2]
    assert asked[-1] == ["a", "b"]


def test_a_client_that_only_asks_for_the_head_starts_no_recording() -> None:
    before = len(asked)
    with served(handed_in()) as url:
        assert httpx.head(url + "/api/v1/samples").status_code == 200
    assert len(asked) == before


@pytest.mark.parametrize(
    "query", ["tagret=a", "target=", "target=" + "a" * 300, "&".join(["target=a"] * 101)],
    ids=["a word that is not known", "no name", "too long a name", "too many names"],
)  # fmt: skip
def test_a_bad_question_is_refused(query: str) -> None:
    with served(handed_in()) as url:
        answer = httpx.get(f"{url}/api/v1/samples?{query}")
    assert answer.status_code == 400
    assert "wanted" in answer.json()["error"]


def test_where_enough_listen_another_is_refused() -> None:
    with served(replace(handed_in(), samples=lambda _: None)) as url:
        answer = httpx.get(url + "/api/v1/samples")
    assert (answer.status_code, answer.json()["error"]) == (503, "enough recordings are under way; end one of them")


@pytest.mark.parametrize("path", ["/api/v1/samples", "/api/v1/targets/checkout/history"])
def test_samples_and_history_are_for_those_who_may_see(path: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-that-is-long")
    access = Access(str(tmp_path / "token"))
    elsewhere = {"x-forwarded-for": "192.0.2.1"}
    with served(replace(handed_in(), access=access)) as url:
        assert httpx.get(url + path, headers=elsewhere).status_code == 401
        shown = elsewhere | {"authorization": "Bearer a-token-that-is-long"}
        assert httpx.get(url + path, headers=shown).status_code == 200


@pytest.mark.parametrize("name", ["checkout", "system.slice%2Fa.service", "system.slice/a.service"])
def test_the_history_of_a_target(name: str) -> None:
    with served(handed_in()) as url:
        assert httpx.get(f"{url}/api/v1/targets/{name}/history").json() == {"history": ROWS}


def test_the_history_of_no_target() -> None:
    with served(handed_in()) as url:
        assert httpx.get(url + "/api/v1/targets/nobody/history").status_code == 404


def test_a_target_whose_own_name_ends_like_a_question_for_its_history_is_shown() -> None:
    snapshot = told()
    odd = replace(snapshot.targets[0], name="odd/history")
    with served(replace(services(replace(snapshot, targets=(odd,))), history=history)) as url:
        assert httpx.get(url + "/api/v1/targets/odd/history").json()["name"] == "odd/history"
