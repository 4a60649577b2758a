"""Is prometheus_client loaded without its web server, and whole again for whoever asks?"""

import subprocess
import sys


def said(program: str) -> str:
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.stderr == ""
    return ended.stdout.strip()


def test_what_serves_and_parses_mail_stays_outside() -> None:
    program = """
import sys
import brimwatch.record.metrics
print(sorted({"http.server", "wsgiref.simple_server", "prometheus_client.exposition"} & set(sys.modules)))
"""
    assert said(program) == "[]"


def test_what_was_left_out_is_there_for_whoever_asks() -> None:
    program = """
import brimwatch.record.metrics
from prometheus_client import CollectorRegistry, generate_latest
import prometheus_client
print(generate_latest(CollectorRegistry()), prometheus_client.exposition.__name__)
print(hasattr(prometheus_client, "nothing"))
"""
    assert said(program) == "b'' prometheus_client.exposition\nFalse"


def test_where_somebody_has_it_whole_it_stays_whole() -> None:
    program = """
import prometheus_client
import brimwatch.record.metrics
print(prometheus_client.start_http_server.__module__)
"""
    assert said(program) == "prometheus_client.exposition"
