import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.config.load import load
from brimwatch.config.settings import Kubernetes
from brimwatch.errors import ConfigError

REST = "\ntargets: [{name: web, match: {pod: {namespace: shop}}}]\n"
SERVER = "wanted the address of an API server, such as https://10.96.0.1:443; it has no path"
BEFORE = "f.yaml:1: global.kubernetes"


def kubernetes(text: str) -> Kubernetes | None:
    return load(f"global: {{kubernetes: {text}}}{REST}", "f.yaml", ACTIONS).kubernetes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{}", Kubernetes(), id="everything as the pod has it"),
        pytest.param("{api_server: 'https://10.96.0.1:443'}", Kubernetes("https://10.96.0.1:443"), id="an address"),
        pytest.param("{api_server: 'https://[fd00::1]:6443/'}", Kubernetes("https://[fd00::1]:6443/"), id="IPv6"),
        pytest.param("{api_server: 'http://127.0.0.1:8001'}", Kubernetes("http://127.0.0.1:8001"), id="a proxy here"),
        pytest.param("{api_server: 'http://localhost:8001'}", Kubernetes("http://localhost:8001"), id="localhost"),
        pytest.param("{node: ip-10-0-0-1.ec2.internal}", Kubernetes(node="ip-10-0-0-1.ec2.internal"), id="a node"),
        pytest.param("{token_file: /t, ca_file: /c}", Kubernetes(token_file="/t", ca_file="/c"), id="files"),
    ],
)
def test_where_names_come_from(text: str, expected: Kubernetes) -> None:
    assert expected == kubernetes(text)


def test_nothing_is_said_where_nothing_is_written() -> None:
    assert load(REST, "f.yaml", ACTIONS).kubernetes is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("7", ": found '7', wanted a mapping with one of api_server, token_file, ca_file, node", id="7"),
        pytest.param("{api_server: 10.96.0.1}", f".api_server: found '10.96.0.1', {SERVER}", id="no scheme"),
        pytest.param("{api_server: 'https://x/api'}", f".api_server: found 'https://x/api', {SERVER}", id="a path"),
        pytest.param("{api_server: 'https://x:99999'}", f".api_server: found 'https://x:99999', {SERVER}", id="a port"),
        pytest.param("{api_server: 'https://x?t=s3cret'}", f".api_server: found 'https://x', {SERVER}", id="a query"),
        pytest.param(
            "{api_server: 'https://me:s3cret@x'}",
            ".api_server: found '***@x', wanted one without user and password; use token_file",
            id="a password, which is not shown",
        ),
        pytest.param(
            "{api_server: 'http://10.96.0.1'}",
            ".api_server: found 'http://10.96.0.1', wanted an address with https; the token would cross the network in"
            " clear",
            id="in clear",
        ),
        pytest.param(
            "{token_file: token}", ".token_file: found 'token', wanted an absolute path", id="a relative path"
        ),
        pytest.param(
            "{node: 'a,spec.nodeName!=b'}",
            ".node: found 'a,spec.nodeName!=b', wanted the name of a node; as `kubectl get nodes` shows it",
            id="a selector in place of a node",
        ),
    ],
)
def test_what_is_no_place_for_names(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        kubernetes(text)
    assert [BEFORE + expected] == str(refused.value).splitlines()
