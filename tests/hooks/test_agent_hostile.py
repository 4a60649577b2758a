"""What can a client do to an agent? Nothing: garbage, floods, silence and strangers cost it one connection each."""

import os
import socket
import stat
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.hooks.speaking import Reply, Target, ask, connect, outcomes, read_reply, request

from brimwatch.hooks.wire import MOST_CLIENTS

pytestmark = pytest.mark.live
Start = Callable[..., Target]
ME = os.geteuid()
NOBODY = 65534


def say(address: str, raw: bytes) -> Reply:
    with connect(address) as client:
        client.sendall(raw)
        return read_reply(client)


POST = b"POST /v1/reclaim HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"\x16\x03\x01\x00\xff\xff\r\n\r\n", 400, id="a TLS handshake"),
        pytest.param(b"GET\r\n\r\n", 400, id="half a line"),
        pytest.param(b"GET /v1/stats HTTP/2.0\r\n\r\n", 505, id="another version"),
        pytest.param(b"GET http://x/v1/stats HTTP/1.1\r\n\r\n", 400, id="an absolute URL"),
        pytest.param(b"GET /../etc/passwd HTTP/1.1\r\n\r\n", 404, id="another path"),
        pytest.param(b"DELETE /v1/tier HTTP/1.1\r\n\r\n", 405, id="another method"),
        pytest.param(b"GET /v1/stats HTTP/1.1\r\nno colon\r\n\r\n", 400, id="a header that is none"),
        pytest.param(b"GET /v1/stats HTTP/1.1\r\nbad name: x\r\n\r\n", 400, id="a header with a blank in its name"),
        pytest.param(b"GET /" + b"x" * 5000, 400, id="a line without an end"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 3000, 431, id="headers without an end"),
        pytest.param(POST + b"\r\n", 411, id="a body of no length"),
        pytest.param(POST + b"Content-Length: -1\r\n\r\n", 400, id="a negative length"),
        pytest.param(POST + b"Content-Length: 1e3\r\n\r\n", 400, id="a length that is no number"),
        pytest.param(POST + b"Content-Length: 99999999999\r\n\r\n", 413, id="a huge length"),
        pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, id="two lengths"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", 501, id="chunks"),
        pytest.param(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", 417, id="an expectation"),
    ],
)
def test_what_is_no_request_is_refused_and_the_next_client_is_served(start: Start, raw: bytes, status: int) -> None:
    target = start()
    reply = say(target.address(), raw)
    assert (reply.status, reply.body["error"]) == (status, "refused")
    assert target.stats()["pid"] == target.pid


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        pytest.param(b"{", "JSON", id="half an object"),
        pytest.param(b"[" * 60000, "JSON", id="nesting without an end"),
        pytest.param(b'{"tier":' + b"9" * 60000 + b"}", "", id="a number without an end"),
        pytest.param(b"[1]", "object", id="a list"),
        pytest.param(b'{"tier": "\xff"}', "JSON", id="bytes that are no UTF-8"),
        pytest.param({"tier": "calm"}, "tier", id="a tier without hooks"),
        pytest.param({"tier": ["critical"]}, "tier", id="a tier that is a list"),
        pytest.param(b'{"tier":"critical","needed_bytes":NaN}', "JSON", id="no number at all"),
        pytest.param({"tier": "critical", "needed_bytes": -1}, "needed_bytes", id="less than nothing needed"),
        pytest.param({"tier": "critical", "needed_bytes": True}, "needed_bytes", id="a truth needed"),
        pytest.param({"tier": "critical", "deadline_seconds": 1e9}, "deadline", id="a deadline of years"),
        pytest.param({"tier": "critical", "names": "gc"}, "names", id="names that are a text"),
        pytest.param({"tier": "critical", "names": ["a\nb"]}, "names", id="a name of two lines"),
        pytest.param({"tier": "critical", "names": ["x"] * 65}, "names", id="65 names"),
        pytest.param({"tier": "critical", "reason": 5}, "reason", id="a reason that is a number"),
    ],
)
def test_a_body_that_cannot_be_is_refused_and_the_connection_goes_on(start: Start, body: Any, wanted: str) -> None:
    target = start()
    with connect(target.address()) as client:
        client.sendall(request("POST", "/v1/reclaim", body))
        reply = read_reply(client)
        assert reply.status == 400
        assert wanted in reply.body["detail"]
        client.sendall(request("GET", "/v1/stats"))
        assert read_reply(client).body["lease"] is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"tier": "warning"}, id="without an expiry"),
        pytest.param({"tier": "warning", "expires_seconds": 0}, id="with an expiry of nothing"),
        pytest.param({"tier": "warning", "expires_seconds": 1e6}, id="with an expiry of days"),
        pytest.param({"tier": "red", "expires_seconds": 1}, id="with a tier that there is not"),
        pytest.param({"tier": "warning", "expires_seconds": 1, "thresholds": [1]}, id="with thresholds in a list"),
        pytest.param({"tier": "warning", "expires_seconds": 1, "thresholds": {"critical": 0}}, id="with no bytes"),
    ],
)
def test_a_tier_that_cannot_be_is_refused(start: Start, body: Any) -> None:
    target = start()
    assert target.ask("PUT", "/v1/tier", body).status == 400
    assert target.stats()["tier"] == "calm"


def test_a_request_byte_by_byte_is_a_request(start: Start) -> None:
    target = start()
    with connect(target.address()) as client:
        for byte in request("POST", "/v1/reclaim", {"tier": "warning", "names": ["trim"]}):
            client.send(bytes([byte]))
        assert outcomes(read_reply(client)) == {"trim": ("ran", None)}


def insist(address: str) -> socket.socket | None:
    try:
        return connect(address)
    except BlockingIOError:  # more wait than the backlog holds
        return None


def test_silent_and_greedy_clients_keep_nobody_out(start: Start, wait_until: Any) -> None:
    target = start()
    crowd = [wait_until(lambda: insist(target.address())) for _ in range(60)]
    for client in crowd[-6:-1]:  # earlier ones have had to make room
        client.sendall(b"GET /v1/st")
    crowd[-1].sendall(request("GET", "/v1/stats") * 500)  # and never reads
    assert target.stats()["threads"] <= 3
    assert len(os.listdir(f"/proc/{target.pid}/fd")) < 3 + 1 + 8 + 2
    for client in crowd:
        client.close()


def test_a_client_that_hangs_up_in_the_middle_of_a_round_harms_nobody(start: Start, wait_until: Any) -> None:
    target = start("@hooks.on('warning')\ndef slow(request):\n    time.sleep(0.3)\n")
    with connect(target.address()) as client:
        client.sendall(request("POST", "/v1/reclaim", {"tier": "warning"}))
        wait_until(lambda: target.stats()["busy"])
    wait_until(lambda: target.stats()["busy"] is None)
    assert outcomes(target.reclaim("warning"))["slow"] == ("ran", None)


def test_ten_thousand_answers_cost_no_memory(start: Start) -> None:
    target = start()
    with connect(target.address()) as client:

        def storm(count: int) -> int:
            for _ in range(count):
                client.sendall(request("GET", "/v1/stats"))
                read_reply(client)
            return int(target.stats()["rss_bytes"])

        first = storm(500)
        assert storm(2000) - first < 1_000_000


def test_the_socket_is_for_its_owner_alone(start: Start) -> None:
    target = start()
    assert stat.S_IMODE(os.stat(target.address()).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(target.run_dir).st_mode) == 0o700


ASK_AS_NOBODY = f"""
import os, socket, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
client = socket.socket(socket.AF_UNIX)
address = sys.argv[1]
try:
    client.connect(chr(0) + address[1:] if address[0] == '@' else address)
    client.settimeout(10)
    print(client.recv(4096).split(b' ')[1].decode())
except PermissionError:
    print('denied')
"""


@pytest.mark.skipif(ME != 0, reason="becoming another user needs root")
def test_another_user_is_denied_over_the_file_and_over_an_abstract_name(start: Start, spawn: Any) -> None:
    plain = start()
    abstract = start(install="hooks.install(run_dir='/proc/none')")
    address = abstract.run("print(hooks.status()['agent']['address'])")
    assert address == f"@brimwatch-0-{abstract.pid}-{start_time(abstract.pid)}"
    for target, expected in ((plain.address(), "denied"), (address, "403")):
        other = spawn([sys.executable, "-I", "-c", ASK_AS_NOBODY, target], stdout=-1, text=True)
        assert other.communicate(timeout=20)[0].strip() == expected
    assert ask(address, "GET", "/v1/stats").body["pid"] == abstract.pid


@pytest.mark.skipif(ME != 0, reason="becoming another user needs root")
def test_a_program_that_gives_up_root_listens_anew_where_its_user_can(start: Start, wait_until: Any) -> None:
    target = start()
    assert target.run(f"os.setgid({NOBODY}); os.setuid({NOBODY}); print('given up')") == "given up"
    shown = "print(hooks.status()['agent'].get('address', ''))"
    wait_until(lambda: target.run(shown).startswith(f"@brimwatch-{NOBODY}-"), 15)  # the folder is root's
    assert ask(target.run(shown), "GET", "/v1/stats").body["uid"] == NOBODY


def start_time(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])


def test_a_deleted_run_directory_is_made_again(start: Start, wait_until: Any) -> None:
    target = start()
    os.unlink(target.address())
    os.rmdir(target.run_dir)
    assert wait_until(target.sockets, 15)
    assert target.stats()["pid"] == target.pid


def test_a_link_that_somebody_put_in_our_place_is_replaced_and_never_followed(
    start: Start, wait_until: Any, tmp_path: Any
) -> None:
    target = start()
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(tmp_path / "service"))
    other.listen()
    address = target.address()
    os.unlink(address)
    os.symlink(tmp_path / "service", address)
    wait_until(lambda: not os.path.islink(address), 15)
    assert target.stats()["pid"] == target.pid
    assert target.end() == 0
    assert os.path.exists(tmp_path / "service")
    other.close()


def test_who_hangs_up_without_a_word_takes_nobodys_place(start: Start) -> None:
    target = start()
    clients = [connect(target.address()) for _ in range(MOST_CLIENTS)]
    for _ in range(2):
        for client in clients:
            client.sendall(request("GET", "/v1/stats"))
            assert read_reply(client).status == 200
        assert target.run("print(hooks.install())") == "True"  # which knocks, so that the agent looks at once
    for client in clients:
        client.close()


def test_without_a_descriptor_for_it_a_client_waits_and_the_others_are_answered(start: Start) -> None:
    target = start("import resource")
    known = connect(target.address())
    known.sendall(request("GET", "/v1/stats"))
    assert read_reply(known).status == 200
    # The copy takes the lowest free number: below it there is none.
    lower = "resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0), limits[1])); print('few')"
    assert target.run("limits = resource.getrlimit(resource.RLIMIT_NOFILE); " + lower) == "few"
    late = connect(target.address())
    late.sendall(request("GET", "/v1/stats"))
    known.sendall(request("GET", "/v1/stats"))
    assert read_reply(known).status == 200
    assert target.run("print(os.waitpid(os.fork() or os._exit(0), 0)[1])") == "0"
    late.settimeout(0.3)
    with pytest.raises(TimeoutError):
        late.recv(1)
    late.settimeout(30)
    assert target.run("resource.setrlimit(resource.RLIMIT_NOFILE, limits); print('many')") == "many"
    assert read_reply(late).status == 200
    known.close()
    late.close()
