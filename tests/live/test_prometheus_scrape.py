"""Does a real Prometheus scrape us, in both formats, and find what the snapshot holds?"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from tests.record.pictures import NOW, told
from tests.web.daemons import served, services

from brimwatch.model import Reason, Tier
from brimwatch.record.metrics import Metrics
from brimwatch.units import Bytes, Seconds

pytestmark = pytest.mark.live

CONFIG = """
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: brimwatch
    static_configs:
      - targets: ['{target}']
"""


VALUES = {
    "brimwatch_target_up": [0.0, 1.0, 1.0, 1.0],
    'brimwatch_target_resident_memory_bytes{target="checkout",member="3"}': [861e6],
    'brimwatch_target_resident_memory_bytes{target="search",member=""}': [150e6],
    'brimwatch_target_threshold{target="search",tier="critical",signal="working_set"}': [850e6],
    'brimwatch_target_memory_limit_bytes{source="machine"}': [8e9],
    'brimwatch_actions_total{target="checkout",tier="critical",action="usr1"}': [1.0],
    'brimwatch_actions_suppressed_total{reason="no_agent"}': [1.0],
    'brimwatch_action_reclaimed_bytes_total{action="usr1"}': [212.4e6],
    'sum(brimwatch_target_oom_kills_total{target="batch"})': [0.0],
    'brimwatch_reaction_seconds_bucket{le="0.005"}': [1.0],
    "brimwatch_host_memory_used_ratio": [0.625],
    "count(process_resident_memory_bytes)": [1.0],
}


def counted() -> Metrics:
    """What a daemon has counted after its first rung, on a clock that stands still."""
    metrics = Metrics(clock=lambda: NOW)
    for target in told().targets:
        metrics.declare(target.name, target.rungs)
    metrics.attempted("checkout", Tier.CRITICAL, "usr1")
    metrics.suppressed("checkout", Tier.CRITICAL, "reclaim", Reason.NO_AGENT)
    metrics.reclaimed("checkout", Tier.CRITICAL, "usr1", Bytes(212_400_000))
    metrics.reaction(Seconds(0.003))
    return metrics


@dataclass(frozen=True)
class Scraped:
    """A running Prometheus that has scraped us."""

    brimwatch: str
    prometheus: str

    def ask(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.prometheus}/api/v1/{path}", params=parameters, timeout=10)
        answer.raise_for_status()
        return answer.json()["data"]

    def query(self, expression: str) -> list[float]:
        return [float(found["value"][1]) for found in self.ask("query", query=expression)["result"]]


@pytest.fixture
def scraped(
    component: Callable[[str], str],
    spawn: "Callable[..., subprocess.Popen[Any]]",
    wait_until: Callable[..., Any],
    free_port: Callable[[], int],
    tmp_path: Path,
) -> Iterator[Scraped]:
    program = component("prometheus")
    with served(services(told(), metrics=counted())) as url:
        config, listen = tmp_path / "prometheus.yml", f"127.0.0.1:{free_port()}"
        config.write_text(CONFIG.format(target=url.removeprefix("http://")))
        with open(tmp_path / "prometheus.log", "wb") as log:
            spawn(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={tmp_path / 'data'}",
                    f"--web.listen-address={listen}",
                ],
                stdout=log,
                stderr=log,
            )
        running = Scraped(url, f"http://{listen}")

        def has_scraped() -> bool:
            try:
                return running.query('up{job="brimwatch"}') == [1.0]
            except httpx.HTTPError:
                return False

        wait_until(has_scraped, 60.0, 0.1)
        yield running


def test_prometheus_finds_every_sample_with_its_value_and_type(scraped: Scraped) -> None:
    lines = httpx.get(scraped.brimwatch + "/metrics", timeout=10).text.splitlines()
    ours = sum(1 for line in lines if line and not line.startswith("#"))
    metadata = scraped.ask("metadata")
    counters = {kind["type"] for name, (kind,) in metadata.items() if name.startswith("brimwatch_actions")}

    assert scraped.query("scrape_samples_scraped") == scraped.query("scrape_samples_post_metric_relabeling") == [ours]
    assert {query: sorted(scraped.query(query)) for query in VALUES} == VALUES
    assert counters == {"counter"}
    assert metadata["brimwatch_reaction_seconds"][0]["type"] == "histogram"
    assert metadata["brimwatch_target_tier"] == [
        {"type": "gauge", "help": "0 calm, 1 warning, 2 critical, 3 emergency.", "unit": ""}
    ]


def test_both_formats_are_found_valid(component: Callable[[str], str]) -> None:
    with served(services(told(), metrics=counted())) as url:
        plain = httpx.get(url + "/metrics", headers={"accept": "text/plain"}, timeout=10)
        openmetrics = httpx.get(url + "/metrics", headers={"accept": "application/openmetrics-text"}, timeout=10)
    check = subprocess.run(
        [component("promtool"), "check", "metrics"], input=plain.content, capture_output=True, timeout=60
    )

    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert list(read_openmetrics(openmetrics.text))
