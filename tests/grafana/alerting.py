"""Who takes part in an alert? A real Prometheus, a real Alertmanager and somebody who is told, all on loopback."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.loopback import receiving

ROOT = Path(__file__).parent.parent.parent
GRAFANA = ROOT / "grafana"
DOCS = ROOT / "daemon" / "docs"
Spawn = Callable[..., "subprocess.Popen[Any]"]


@dataclass(frozen=True)
class Server:
    """A running Prometheus or Alertmanager."""

    url: str

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def ask(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(self.url + path, params=parameters, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.ask("/api/v1/query", query=expression)["data"]["result"]
        return found

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Told:
    """Somebody who is told by Alertmanager: every alert of every message, in the order they came."""

    url: str
    alerts: list[dict[str, Any]]

    def of(self, name: str, status: str) -> list[dict[str, Any]]:
        return [one for one in self.alerts if (one["labels"]["alertname"], one["status"]) == (name, status)]


@contextmanager
def receiver() -> Iterator[Told]:
    """A receiver of webhooks that listens; it ends with the block."""
    told = Told("", [])

    def accept(_: Mapping[str, str], body: bytes) -> int:
        told.alerts.extend(json.loads(body)["alerts"])
        return 200

    with receiving(accept) as told.url:
        yield told


def write_rules(folder: Path, settings: Mapping[str, str]) -> Path:
    """The rules with other settings, as a user makes them."""
    mine, rules = folder / "mine.yaml", folder / "rules.yaml"
    mine.write_text(yaml.safe_dump(dict(settings)))
    words = [sys.executable, str(GRAFANA / "build_rules.py"), "--config", str(mine), "--output", str(rules)]
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)
    return rules


def start_server(spawn: Spawn, wait_until: Any, folder: Path, words: list[str], port: int) -> Server:
    """Start one of the two with what it keeps in the folder, and wait until it is ready."""
    running = Server(f"http://127.0.0.1:{port}")
    with (folder / f"{Path(words[0]).name}.log").open("wb") as log:
        spawn([*words, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    wait_until(running.is_ready, 30.0)
    return running


def start_prometheus(
    spawn: Spawn, wait_until: Any, folder: Path, program: str, port: int, rules: Path, scraped: str, told: str = ""
) -> Server:
    """It scrapes and evaluates twice a second: often enough, and seldom enough for a busy machine."""
    config: dict[str, Any] = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "250ms"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "brimwatch", "static_configs": [{"targets": [scraped]}]}],
    }
    if told:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [told]}]}]}
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    words = [program, f"--config.file={path}", f"--storage.tsdb.path={folder / 'prometheus'}"]
    return start_server(spawn, wait_until, folder, words, port)


def documented_inhibitions() -> list[Any]:
    """The rules for Alertmanager as docs/alerts.md has them: its own, and the one for those who are told both ways."""
    text = (DOCS / "alerts.md").read_text()
    blocks = [block.partition("```")[0] for block in text.split("```yaml\n")[1:]]
    (ours,) = [block for block in blocks if block.startswith("inhibit_rules:")]
    (more,) = [block for block in blocks if block.startswith("- source_matchers:")]
    rules: list[Any] = yaml.safe_load(ours)["inhibit_rules"] + yaml.safe_load(more)
    return rules


def start_alertmanager(
    spawn: Spawn, wait_until: Any, folder: Path, program: str, port: int, tells: str
) -> tuple[Server, Path]:
    """It tells at once and apart, under the documented inhibitions. Gives the path of its configuration as well."""
    config = {
        "route": {
            "receiver": "us", "group_by": ["..."],
            "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h",
        },
        "receivers": [{"name": "us", "webhook_configs": [{"url": tells, "send_resolved": True}]}],
        "inhibit_rules": documented_inhibitions(),
    }  # fmt: skip
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    words = [program, f"--config.file={path}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    return start_server(spawn, wait_until, folder, words, port), path
