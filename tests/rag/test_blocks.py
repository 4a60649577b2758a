"""Does the service with the blocks answer through an emergency, give back what its model held, and stay small?"""

from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, start_daemon
from tests.rag.running import Service
from tests.rag.test_emergency import ran
from tests.targets.rag_service.load import Load
from tests.targets.rag_service.passages import as_asked, passages, questions

pytestmark = pytest.mark.live

WATCH = """
global: {{interval: 200ms, run_dir: {run_dir}}}
targets: [{{name: rag, match: {{pid: {pid}}}, policy: p}}]
policies:
  p:
    cooldown: 500ms
    tiers:
      emergency: {{when: {{rss: {megabytes}MB}}, do: [reclaim]}}
"""


def told(service: Service, name: str) -> Any:
    """What is told of a hook."""
    return next(hook for hook in service.get("/memory/stats")["hooks"] if hook["name"] == name)


def watch(spawn: Any, wait_until: Any, port: int, folder: Path, service: Service, megabytes: int = 400) -> Daemon:
    text = WATCH.format(run_dir=folder / "run", pid=service.pid, megabytes=megabytes)
    return start_daemon(spawn, wait_until, port, folder, text)


def test_a_model_that_was_loaded_is_given_back_in_an_emergency_and_loaded_again_when_it_is_over(
    start: Any, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    service = start("blocks", RAG_EMBEDDER="sklearn")
    assert service.get("/ask?q=format+string+syntax")["mode"] == "vectors"
    loaded = service.resident()
    daemon = watch(spawn, wait_until, free_port(), tmp_path, service, megabytes=(loaded - 15_000_000) // 1_000_000)
    done = wait_until(lambda: ran(daemon, "reclaim"), 30)
    wait_until(lambda: daemon.metric("brimwatch_target_tier", target="rag") == 0, 20)
    given_back = loaded - service.resident()
    wait_until(lambda: told(service, "embedder")["info"]["loaded"] == 0, 10)
    model = told(service, "embedder")
    daemon.process.terminate()  # else it would see that it is loaded again
    daemon.process.wait(20)

    assert done["reclaimed_bytes"] > 50_000_000  # 65,536 rows of 128 numbers of 8 bytes
    assert given_back > 50_000_000
    assert model["last"]["measured_bytes"] > 50_000_000
    wait_until(lambda: service.get("/ask?q=the+with+statement+and+its+context+manager")["mode"] == "vectors", 20, 0.3)
    wait_until(lambda: told(service, "embedder")["info"]["loaded"] == 1, 10)


def test_every_question_is_answered_through_an_emergency_by_keywords_meanwhile(
    start: Any, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    service = start("blocks", RAG_EMBEDDER="sklearn")
    known = questions(passages(), 400)
    load = Load(service.port, as_asked(known), clients=3, pause=0.01)
    try:
        wait_until(lambda: len(load.answers) > 100, 30)
        daemon = watch(spawn, wait_until, free_port(), tmp_path, service)
        service.post("/replay", {"rss_bytes": 500_000_000, "seconds": 2})
        kept, model = service.get("/figures"), told(service, "embedder")
        wait_until(lambda: daemon.metric("brimwatch_target_tier", target="rag") == 0, 20)
        since = len(load.answers)
        wait_until(lambda: any(one.mode == "vectors" for one in load.answers[since:]), 20)
        wait_until(lambda: service.get("/figures")["services"]["chores"] == "running", 20)
    finally:
        answers = load.end()

    assert {one.status for one in answers} == {200}
    assert all(one.sources for one in answers)
    assert {one.mode for one in answers} == {"vectors", "keywords"}
    assert model["claimed_bytes_total"] > 50_000_000
    assert service.resident() < 360_000_000  # the model is there again
    assert kept["services"]["care"] == "running"  # which is critical; the others wait until it is calm
    assert {kept["services"]["chores"], kept["services"]["leaks"]} <= {"stopped", "waiting"}
    assert sum(service.get("/figures")["held_bytes"].values()) < 15_000_000
    assert told(service, "vectors")["info"]["dimensions"] == 128
    assert told(service, "vectors")["info"]["keyword_searches"] > 0


def test_the_service_stays_within_the_limits_that_were_asked_for_under_load(
    start: Any, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    service = start("blocks")
    load = Load(service.port, as_asked(questions(passages(), 200)), clients=3)
    try:
        wait_until(lambda: len(load.answers) > 1000, 60)
    finally:
        answers = load.end()
    sizes, inside = service.sizes(), service.get("/figures")
    daemon = watch(spawn, wait_until, free_port(), tmp_path, service)

    def shown() -> float | None:
        return daemon.metric("brimwatch_cache_hit_ratio", target="rag", cache="answers")

    wait_until(lambda: shown() is not None, 20)
    assert sizes["rss_bytes"] < 50_000_000 * slack()
    assert sizes["vms_bytes"] < 200_000_000
    assert sizes["threads"] < 8
    assert inside["objects"] < 50_000
    assert {one.status for one in answers} == {200}
    assert shown() == pytest.approx(inside["hit_ratios"]["answers"], abs=0.01)
    assert inside["hit_ratios"]["answers"] > 0.85
    assert sum(inside["held_bytes"].values()) < 15_000_000


def slack() -> float:
    """What other Pythons and versions of numpy may take more than those of tests/constraints.txt on 3.11."""
    import sys

    return 1.0 if sys.version_info[:2] == (3, 11) else 1.2


def test_priority_weighs_what_is_found(start: Any, rag_index: Path) -> None:
    import numpy as np
    from tests.targets.rag_service.embedder import ProjectedEmbedder
    from tests.targets.rag_service.index import VECTORS

    known = passages()
    rarely_meant = [one for one in questions(known, 2000) if known[one.answered_by].title == "debugger"][:30]

    vectors, embedder, service = np.load(rag_index / VECTORS), ProjectedEmbedder(rag_index), start("blocks")
    alike = [known[int(np.argmax(vectors @ embedder.embed(one.text)))].title for one in rarely_meant]
    shown = [service.get("/ask?q=" + "+".join(one.text.split()))["sources"][0]["title"] for one in rarely_meant]
    assert shown.count("debugger") < alike.count("debugger")


def test_a_disabled_service_is_not_loaded_and_a_second_instance_does_not_start(start: Any, rag_index: Path) -> None:
    service = start("blocks", BRIMWATCH_DISABLE="chores,leaks")
    assert service.get("/figures")["services"] == {"care": "running", "chores": "disabled", "leaks": "disabled"}
    with pytest.raises(AssertionError, match="runs already: PID"):
        start("blocks", RAG_PORT=str(service.port))


def test_the_service_has_endpoints_for_its_memory_and_its_answers_say_what_it_takes(start: Any) -> None:
    service = start("blocks")
    answer = service.get("/ask?q=lambda+expressions&priority=critical")
    assert answer["memory_usage_gb"] == pytest.approx(service.resident() / 1e9, rel=0.2)
    assert answer["peak_memory_gb"] >= answer["memory_usage_gb"]
    assert (answer["memory_warnings"], answer["tier"]) == (0, "calm")
    assert {"answers", "embeddings", "retrieved", "vectors"} <= {
        hook["name"] for hook in service.get("/memory/medical/stats")["hooks"]
    }
    assert service.get("/memory/emergency/status")["emergency"] is False
    service.get("/ask?q=the+with+statement")
    assert service.post("/memory/optimize")["complete"]
    done = service.post("/memory/medical/emergency-clear")
    assert {hook["name"] for hook in done["hooks"]} == {"answers", "embeddings", "retrieved", "vectors"}
    kept = service.get("/figures")["answers"]
    assert (kept["critical"], kept["general"]) == (1, 0)  # what matters most goes last
    reduced = service.post("/memory/emergency/reduce")
    assert next(hook for hook in reduced["hooks"] if hook["name"] == "embedder")["outcome"] == "ran"
    assert service.get("/ask?q=lambda+expressions")["sources"]
