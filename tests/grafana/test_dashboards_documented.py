"""Does a stranger get the dashboards by the page alone? What can be checked of it without Grafana is."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from tests.grafana.boards import FILES, ROOT, read

PAGE = (ROOT / "daemon" / "docs" / "dashboards.md").read_text()
PROVISIONING = ROOT / "grafana" / "provisioning"


def test_prometheus_takes_the_scrape_configuration(component: Any, tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "prometheus.yml"
    file.write_text(block)

    result = subprocess.run([component("promtool"), "check", "config", str(file)], capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_files_are_provisioned_from_where_the_page_puts_them() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "brimwatch.yaml").read_text())["providers"]
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"]
    copied = re.findall(r"# install -D -m 644 -t (\S+) (\S+)", PAGE)

    assert [folder for folder, files in copied if files == "grafana/dashboards/*.json"] == [provider["options"]["path"]]
    assert all(list(ROOT.glob(files)) for _, files in copied)
    assert (provider["type"], source["type"]) == ("file", "prometheus")


def test_the_page_names_every_dashboard_by_its_file_and_uid() -> None:
    rows = re.findall(r"^\| `(grafana/\S+)` \| \*\*(\w+)\*\*, `/d/(\S+)`", PAGE, re.MULTILINE)
    boards = [(path, read(path)) for path in FILES]

    assert rows == [
        (str(path.relative_to(ROOT)), board["title"].split(" / ")[1], board["uid"]) for path, board in boards
    ]
