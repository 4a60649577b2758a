import os
from pathlib import Path

import pytest

from brimwatch.act.web_route import Unusable
from brimwatch.config.settings import Kubernetes
from brimwatch.runtime import pod_server
from brimwatch.runtime.pod_server import ACCOUNT, find_server, read_token

POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443", "NODE_NAME": "node-1"}


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        pytest.param(Kubernetes(), POD, ("https://10.96.0.1", "node-1", f"{ACCOUNT}/token"), id="in a pod"),
        pytest.param(
            Kubernetes(),
            POD | {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT_HTTPS": "6443"},
            ("https://[fd00::1]:6443", "node-1", f"{ACCOUNT}/token"),
            id="IPv6, another port",
        ),
        pytest.param(
            Kubernetes("https://api.test", "/t", "/c", "me"), POD, ("https://api.test", "me", "/t"), id="as written"
        ),
        pytest.param(
            Kubernetes("http://127.0.0.1:8001", node="me"), {}, ("http://127.0.0.1:8001", "me", None), id="a proxy here"
        ),
    ],
)
def test_the_server_is_as_the_pod_has_it_or_as_is_written(settings, environment, expected):
    server = find_server(settings, environment)
    assert (server.address.origin, server.node, server.token_file) == expected


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        pytest.param(Kubernetes(), {"NODE_NAME": "n"}, "there is no API server here", id="no pod"),
        pytest.param(Kubernetes(), POD | {"NODE_NAME": ""}, "which node is this?", id="no node"),
        pytest.param(Kubernetes(), POD | {"NODE_NAME": "a,b!=c"}, "no name of a node", id="a selector for a node"),
        pytest.param(Kubernetes(), POD | {"KUBERNETES_SERVICE_PORT": "x"}, "are no address", id="a port that is none"),
    ],
)
def test_what_is_missing_is_said(settings, environment, expected):
    with pytest.raises(Unusable, match=expected):
        find_server(settings, environment)


def test_the_authority_is_the_accounts_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_server, "ACCOUNT", str(tmp_path))
    server = find_server(Kubernetes(), POD)
    assert server.authority() == ""
    (tmp_path / "ca.crt").write_text("x")
    assert server.authority() == f"{tmp_path}/ca.crt"
    assert server._replace(ca_file="/mine").authority() == "/mine"


def test_a_token_is_read_through_links_as_the_kubelet_makes_them(tmp_path: Path) -> None:
    (tmp_path / "..1").mkdir()
    (tmp_path / "..1" / "token").write_text("one\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "token").symlink_to("..data/token")
    assert read_token(str(tmp_path / "token")) == "one"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"a\r\nX-Evil: 1", b"\xff\xfe"])
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(Unusable, match=r"holds no token$"):
        read_token(str(tmp_path / "token"))


def test_a_file_that_is_none_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    with pytest.raises(Unusable, match="is no regular file"):
        read_token(str(tmp_path / "token"))
    with pytest.raises(Unusable, match="No such file"):
        read_token(str(tmp_path / "missing"))
