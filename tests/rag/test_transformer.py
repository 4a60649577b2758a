"""Does the service with the blocks give back a real transformer model? Only in `make test-heavy`, which installs it."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.rag.running import running
from tests.rag.test_blocks import told, watch
from tests.rag.test_emergency import ran
from tests.targets.rag_service.passages import passages, questions

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.environ.get("BRIMWATCH_HEAVY") != "1", reason="2 GB to install: `make test-heavy` runs it"),
]


def test_a_transformer_is_given_back_in_an_emergency_and_questions_are_answered_by_keywords(
    leak_guard: None, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    from tests.targets.rag_service.index import build

    build(tmp_path / "index", "transformer")
    asked = questions(passages(), 40)
    with running("blocks", tmp_path / "index", tmp_path, free_port(), RAG_EMBEDDER="transformer") as service:
        fresh = service.resident()
        assert service.get("/ask?q=format+string+syntax")["mode"] == "vectors"
        loaded = service.resident()
        found = [service.get("/ask?q=" + "+".join(one.text.split()))["sources"] for one in asked]
        pairs = zip(asked, found, strict=True)
        right = sum(one.answered_by in [source["number"] for source in sources] for one, sources in pairs)
        full = service.resident()
        daemon = watch(spawn, wait_until, free_port(), tmp_path, service, megabytes=(full - 40_000_000) // 1_000_000)
        done = wait_until(lambda: ran(daemon, "reclaim"), 60)
        mode = service.get("/ask?q=the+lambda+expression+and+the+yield+expression")["mode"]
        left = service.resident()
        print(
            f"\n  fresh {fresh / 1e6:.0f} MB, model loaded {loaded / 1e6:.0f} MB, later {full / 1e6:.0f} MB,"
            f" reclaimed {done['reclaimed_bytes'] / 1e6:.0f} MB, left {left / 1e6:.0f} MB, {right} of 40 found, "
            f"after it by {mode}; the model said {told(service, 'embedder')['last']}"
        )

    assert done["reclaimed_bytes"] > 60_000_000  # 22.7 million parameters of 4 bytes
    assert right > 15  # by chance none: the five best of 1,550
