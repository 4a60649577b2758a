import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import field_after_comm, held, start_catcher, taken

from brimwatch.act.gate import Changed, Order, Refusal, look, send
from brimwatch.act.request import Recipient
from brimwatch.model import Reason, Verdict

USR1 = Order(signal.SIGUSR1)
CAUGHT = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000200\nCapInh:\t0\n"


@pytest.fixture
def sleeper(spawn: Any) -> Any:
    """A real process, held: what its files say comes from a fake tree."""
    with held(spawn(["sleep", "60"]).pid) as (recipient,):
        yield recipient


def fake(tmp_path: Path, recipient: Recipient, status: str) -> str:
    place = tmp_path / str(recipient.process.pid)
    place.mkdir()
    place.joinpath("stat").write_bytes(Path(f"/proc/{recipient.process.pid}/stat").read_bytes())
    place.joinpath("status").write_text(status)
    return str(tmp_path)


@pytest.mark.live
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(CAUGHT, None, id="a caught signal passes"),
        pytest.param(CAUGHT.replace("0200", "0100"), Reason.NO_HANDLER, id="its neighbour does not count"),
        pytest.param(
            CAUGHT.replace("SigIgn:\t0000000000000000", "SigIgn:\t0000000000000200"),
            Reason.NO_HANDLER,
            id="an ignored one is refused, whatever is caught",
        ),
        pytest.param(
            CAUGHT.replace("SigBlk:\t0000000000000000", "SigBlk:\t0000000000000200"),
            None,
            id="a caught one may be blocked for a while",
        ),
        pytest.param("Groups:\t" + "1234 " * 5000 + "\n" + CAUGHT, None, id="a long line before it is read over"),
        pytest.param(
            "Groups:\t" + "1234 " * 20000 + "\n" + CAUGHT, Reason.ERROR, id="a file beyond its bound is an error"
        ),
        pytest.param("Name:\tSigCgt:\tffffffffffffffff\n", Reason.ERROR, id="a name that looks like a mask is none"),
        pytest.param(
            CAUGHT.replace("0000000000000200", "nonsense"), Reason.ERROR, id="a mask that is no number is an error"
        ),
        pytest.param("", Reason.ERROR, id="an empty file is an error"),
    ],
)
def test_what_the_masks_say(sleeper: Recipient, tmp_path: Path, status: str, expected: Reason | None) -> None:
    refusal = look(sleeper, USR1, fake(tmp_path, sleeper, status))
    assert (None if refusal is None else refusal.reason) == expected


@pytest.mark.live
def test_a_status_that_is_missing_while_the_process_lives_is_denied(sleeper: Recipient, tmp_path: Path) -> None:
    procfs = fake(tmp_path, sleeper, CAUGHT)
    os.unlink(f"{procfs}/{sleeper.process.pid}/status")
    refusal = look(sleeper, USR1, procfs)
    assert (refusal and refusal.verdict, refusal and refusal.reason) == (Verdict.FAILED, Reason.DENIED)


@pytest.mark.live
def test_a_malformed_stat_is_an_error(sleeper: Recipient, tmp_path: Path) -> None:
    procfs = fake(tmp_path, sleeper, CAUGHT)
    Path(procfs, str(sleeper.process.pid), "stat").write_text("nonsense")
    refusal = look(sleeper, USR1, procfs)
    assert refusal is not None
    assert refusal.reason is Reason.ERROR


@pytest.mark.live
def test_a_look_sends_nothing(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    with held(child.pid) as (recipient,):
        assert look(recipient, USR1, "/proc") is None
    assert taken(child) == []


@pytest.mark.live
def test_another_image_is_sent_nothing(spawn: Any) -> None:
    from brimwatch.act.evidence import image_of

    child = start_catcher(spawn, "SIGUSR1")
    with held(child.pid) as (recipient,):
        image = image_of(child.pid, "/proc")
        with pytest.raises(Changed):
            send(recipient, USR1, image._replace(executable="/bin/other"), "/proc")
        assert send(recipient, USR1, image, "/proc") is None
    assert taken(child) == ["SIGUSR1"]


@pytest.mark.live
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(PermissionError(1, "no"), (Verdict.FAILED, Reason.DENIED), id="EPERM is denied"),
        pytest.param(BlockingIOError(11, "full"), (Verdict.FAILED, Reason.BUSY), id="EAGAIN is a full queue"),
        pytest.param(OSError(22, "odd"), (Verdict.FAILED, Reason.ERROR), id="anything else is an error"),
    ],
)
def test_what_the_kernel_answers(
    spawn: Any, monkeypatch: pytest.MonkeyPatch, error: OSError, expected: tuple[Verdict, Reason]
) -> None:
    def refuse(*_: int) -> None:
        raise error

    child = start_catcher(spawn, "SIGUSR1")
    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    with held(child.pid) as (recipient,):
        refusal = send(recipient, USR1, None, "/proc")
    assert refusal is not None
    assert (refusal.verdict, refusal.reason) == expected


@pytest.mark.live
def test_no_descriptor_stays_open(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    with held(child.pid) as (recipient,):
        before = sorted(os.listdir("/proc/self/fd"))
        for order in (USR1, Order(signal.SIGUSR2), Order(signal.SIGTERM, ends=True)):
            assert isinstance(look(recipient, order, "/proc"), Refusal | None)
        assert sorted(os.listdir("/proc/self/fd")) == before
    assert field_after_comm(child.pid, 0) != "Z"
