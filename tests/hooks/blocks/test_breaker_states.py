"""Is the breaker's table what it says, whatever comes in which order?"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from brimwatch.hooks.breaker_states import CLOSED, HALF_OPEN, OPEN, Phase, Rules, admit, finish, look

RULES = Rules(wait=1.0, longest=8.0, trials=2, jitter=0.0)


@pytest.mark.parametrize(
    ("phase", "pressed", "now", "expected"),
    [
        pytest.param(Phase(), False, 5.0, (CLOSED, 0, 0.0), id="without pressure it stays closed"),
        pytest.param(Phase(), True, 5.0, (OPEN, 1, 1.0), id="under pressure it opens"),
        pytest.param(Phase(OPEN, 0.0, 1.0, 1), True, 0.5, (OPEN, 1, 0.5), id="open it stays open for its time"),
        pytest.param(Phase(OPEN, 0.0, 1.0, 1), False, 0.5, (OPEN, 1, 0.5), id="with the pressure gone as well"),
        pytest.param(
            Phase(OPEN, 0.0, 1.0, 1), True, 1.0, (OPEN, 2, 2.0), id="still pressed it opens for twice as long"
        ),
        pytest.param(Phase(OPEN, 0.0, 8.0, 60), True, 8.0, (OPEN, 61, 8.0), id="the doubling has an end"),
        pytest.param(Phase(OPEN, 0.0, 1.0, 1), False, 1.0, (HALF_OPEN, 1, 1.0), id="after its time it tries"),
        pytest.param(
            Phase(HALF_OPEN, 0.0, 1.0, 1), True, 0.1, (OPEN, 2, 2.0), id="pressure while trying opens it anew"
        ),
        pytest.param(
            Phase(HALF_OPEN, 0.0, 1.0, 1, begun=2), False, 1.0, (HALF_OPEN, 1, 1.0), id="lost trials are replaced"
        ),
        pytest.param(Phase(OPEN, 50.0, 1.0, 1), False, 3.0, (OPEN, 1, 1.0), id="a clock put back counts anew"),
    ],
)
def test_time_and_pressure_move_it(phase: Phase, pressed: bool, now: float, expected: tuple[str, int, float]) -> None:
    found = look(phase, RULES, pressed, now)
    assert (found.name, found.openings, found.left(now)) == expected


def test_trials_that_end_well_close_it_and_none_of_before_counts() -> None:
    trying = look(Phase(OPEN, 0.0, 1.0, 3, epoch=7), RULES, False, 1.0)
    one = admit(trying, RULES)
    assert one is not None
    assert finish(one, RULES, 5, True, 1.0) is one
    two = admit(one, RULES)
    assert two is not None
    assert admit(two, RULES) is None
    half = finish(two, RULES, two.epoch, True, 1.1)
    closed = finish(half, RULES, two.epoch, True, 1.2)
    assert (half.name, closed.name, closed.openings) == (HALF_OPEN, CLOSED, 0)


def test_memory_that_runs_out_in_a_call_opens_it() -> None:
    assert finish(Phase(), RULES, 0, False, 5.0).name == OPEN
    trying = look(Phase(OPEN, 0.0, 1.0, 1), RULES, False, 1.0)
    assert finish(trying, RULES, trying.epoch, False, 1.0).openings == 2
    still = Phase(OPEN, 0.0, 1.0, 1)
    assert finish(still, RULES, 0, False, 0.5) is still


def test_chance_shortens_a_wait_and_never_lengthens_it() -> None:
    rules = Rules(1.0, 8.0, 1, 0.25)
    assert [rules.seconds(number, 0.0) for number in (1, 2, 3, 4, 5, 5000)] == [1, 2, 4, 8, 8, 8]
    assert rules.seconds(2, 1.0) == 1.5


class Breaker(RuleBasedStateMachine):
    """Against a model that knows only: when it opened, for how long, and how many trials are out."""

    def __init__(self) -> None:
        super().__init__()
        self.phase, self.now, self.pressed = Phase(), 0.0, False
        self.out: list[int] = []

    def step(self) -> None:
        before = self.phase
        self.phase = look(before, RULES, self.pressed, self.now)
        if self.pressed:
            assert self.phase.name == OPEN
        if before.name == OPEN and self.phase.name != OPEN:
            assert self.now - before.since >= before.seconds
        if before.name == OPEN:
            assert self.phase.name != CLOSED, "it never closes without a trial"

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.step()

    @rule(pressed=st.booleans())
    def press(self, pressed: bool) -> None:
        self.pressed = pressed
        self.step()

    @rule()
    def call(self) -> None:
        after = admit(self.phase, RULES)
        assert (after is None) == (
            self.phase.name == OPEN or (self.phase.name == HALF_OPEN and self.phase.begun >= RULES.trials)
        )
        if after is not None:
            self.phase = after
            self.out.append(after.epoch)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), well=st.booleans())
    def end(self, data: st.DataObject, well: bool) -> None:
        epoch = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before = self.phase
        self.phase = finish(before, RULES, epoch, well, self.now)
        if self.phase.name == CLOSED and before.name != CLOSED:
            assert (epoch, before.passed + 1) == (before.epoch, RULES.trials)
        if not well:
            assert self.phase.name == OPEN

    @invariant()
    def what_always_holds(self) -> None:
        assert 0 <= self.phase.left(self.now) <= RULES.longest
        assert self.phase.passed <= self.phase.begun <= RULES.trials
        assert (self.phase.openings == 0) == (self.phase.name == CLOSED)


Breaker.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestBreaker = Breaker.TestCase
