"""Which folder do undo records go to, and in which may an earlier daemon have left some?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from brimwatch.act.undo_store import Folder, Leftover, open_folder, places


class Chosen(NamedTuple):
    """The folder, None where there is none; `findings` are sentences for the user."""

    folder: Folder | None
    findings: tuple[str, ...]


def choose_folder(run_dir: str) -> Chosen:
    """The first place where records can be kept, and what is wrong with it or with those before it."""
    findings: list[str] = []
    for place in places(run_dir):
        try:
            folder = open_folder(place)
        except OSError as error:
            findings.append(f"{error.filename or place}: {error.strerror}")
            continue
        if findings:
            findings = [f"{findings[0]}; undo records are kept in {folder.path} instead"]
        if not folder.in_memory:
            findings.append(f"{folder.path} is not on tmpfs: a disk that hangs holds up every brake and ceiling")
        return Chosen(folder, tuple(findings))
    why = "; ".join(findings)
    return Chosen(None, (f"undo records can be kept nowhere, so nothing that needs one is changed: {why}",))


def find_leftovers(run_dir: str) -> Iterator[Leftover]:
    """Records of daemons that live no more, in every place where one of this user's could have put them."""
    for place in places(run_dir):
        try:
            folder = open_folder(place, create=False)
        except OSError:
            continue  # not there, or not ours: nothing in it is believed
        found = list(folder.leftovers())
        if not any(leftover.file for leftover in found):
            folder.close()
        yield from (one._replace(name=f"{folder.path}/{one.name}") for one in found)


def boot_id(procfs: str) -> str:
    """What tells one start of the machine from the next; empty where it cannot be read. Source: proc_sys_kernel(5)."""
    try:
        descriptor = os.open(f"{procfs}/sys/kernel/random/boot_id", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 64).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
