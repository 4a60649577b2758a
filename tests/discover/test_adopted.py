"""Do orphans that came to us belong to the first target, and to nobody where nobody adopts?"""

import os
import subprocess
import sys
from typing import Any

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.config.guarded import Flags, guard_config
from brimwatch.discover.roster import Roster

pytestmark = pytest.mark.live


def members(child: int, adopts: Any) -> set[int]:
    config = guard_config(Flags(), child, ACTIONS)
    (target,) = Roster("/proc", config.targets, adopts=adopts).scan(0.0)
    return {member.identity.pid for member in target.members}


def roots(child: int, adopts: Any) -> set[int]:
    config = guard_config(Flags(), child, ACTIONS)
    (target,) = Roster("/proc", config.targets, adopts=adopts).scan(0.0)
    return {member.identity.pid for member in target.members if member.is_root}


def test_a_child_of_ours_that_is_adopted_belongs_to_the_first_target_and_is_no_root(spawn: Any) -> None:
    command, orphan, other = (spawn(["sleep", "60"]).pid for _ in range(3))
    assert members(command, lambda pid: pid == orphan) == {command, orphan}
    assert roots(command, lambda pid: pid == orphan) == {command}
    assert members(command, None) == {command}
    assert other not in members(command, lambda pid: pid == orphan)


def test_an_adopted_one_brings_its_children_and_is_a_root_once_the_command_is_gone(spawn: Any) -> None:
    command = spawn([sys.executable, "-c", "pass"])
    command.wait(20)
    orphan = spawn(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
    child = int(orphan.stdout.readline())
    assert members(command.pid, lambda pid: pid == orphan.pid) == {orphan.pid, child}
    assert roots(command.pid, lambda pid: pid == orphan.pid) == {orphan.pid}
    assert os.getpid() not in members(command.pid, lambda pid: pid == orphan.pid)
