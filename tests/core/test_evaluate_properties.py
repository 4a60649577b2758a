"""What holds of every condition and every run of values."""

from hypothesis import given
from hypothesis import strategies as st

from brimwatch.core.evaluate import Judgement, above_leave, evaluate, meets
from brimwatch.core.phases import Phase
from brimwatch.core.resolve import leave_value
from brimwatch.model import Condition, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Kind, Quantity
from brimwatch.units import Bytes, Seconds

LIMIT = Limit(Bytes(1000), "cgroup")
SECOND = Seconds(1.0)
JUDGED = (Quantity.RSS, Quantity.WORKING_SET, Quantity.THREADS, Quantity.PRESSURE, Quantity.TIME_TO_LIMIT)

levels = st.integers(10, 1000).map(float)
numbers = st.one_of(st.integers(0, 1500).map(float), st.sampled_from([float("nan"), float("inf"), float("-inf")]))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    quantities = draw(st.lists(st.sampled_from(JUDGED), min_size=1, max_size=3, unique=True))
    thresholds = []
    for quantity in quantities:
        if quantity.kind is Kind.BYTES and draw(st.booleans()):
            thresholds.append(Threshold(quantity, draw(st.sampled_from([0.25, 0.5, 0.85])), relative=True))
        else:
            thresholds.append(Threshold(quantity, draw(levels)))
    return Condition(tuple(thresholds), draw(st.booleans()))


@st.composite
def rules(draw: st.DrawFn, tier: Tier = Tier.WARNING) -> TierRule:
    hold = draw(st.sampled_from([0.0, 2.0, 5.0]))
    return TierRule(tier, draw(conditions()), hold=Seconds(hold), readings=draw(st.integers(1, 3)))


@st.composite
def samples(draw: st.DrawFn) -> list[Sample]:
    gaps = draw(st.lists(st.sampled_from([0.002, 0.1, 1.0, 4.0]), max_size=12))
    now, looks = 0.0, []
    for gap in gaps:
        now += gap
        values = draw(st.dictionaries(st.sampled_from(JUDGED), numbers))
        age = draw(st.sampled_from([0.0, 0.5, 2.5, 3.5]))
        readings = {quantity: Reading(value, now - age) for quantity, value in values.items()}
        looks.append(Sample(now, readings, draw(st.sampled_from([LIMIT, None])), partial=draw(st.booleans())))
    return looks


def judged(policy: Policy, looks: list[Sample]) -> list[tuple[Judgement | None, Judgement]]:
    before: Judgement | None = None
    steps = []
    for look in looks:
        after, _ = evaluate(policy, before, look, SECOND)
        steps.append((before, after))
        before = after
    return steps


def full(value: float, every: Condition, at: float = 0.0) -> Sample:
    """Every quantity of the condition at one value, so that it is known."""
    return Sample(at, {threshold.quantity: Reading(value, at) for threshold in every.thresholds}, LIMIT)


@given(rules(), samples())
def test_a_tier_is_only_left_when_it_is_known_to_be_below_leave(rule: TierRule, looks: list[Sample]) -> None:
    for look, (before, after) in zip(looks, judged(Policy("p", (rule,)), looks), strict=True):
        was = Phase.CALM if before is None else before.states[0].phase
        left = was is Phase.ACTIVE and after.states[0].phase is not Phase.ACTIVE
        if left:
            assert not look.partial
            assert above_leave(rule, look, after.states[0]) is False
        if was is Phase.ACTIVE and above_leave(rule, look) in (True, None) and not left:
            assert after.tier is rule.tier


@given(rules(), samples())
def test_a_tier_is_only_entered_while_its_condition_is_met(rule: TierRule, looks: list[Sample]) -> None:
    for look, (before, after) in zip(looks, judged(Policy("p", (rule,)), looks), strict=True):
        entered = after.tier is rule.tier and (before is None or before.tier is Tier.CALM)
        if entered:
            assert meets(rule.when, look) is True


@given(rules(), samples())
def test_evaluate_is_deterministic(rule: TierRule, looks: list[Sample]) -> None:
    policy = Policy("p", (rule,))
    assert judged(policy, looks) == judged(policy, looks)


@given(rules(), samples())
def test_a_change_is_said_exactly_when_the_tier_differs(rule: TierRule, looks: list[Sample]) -> None:
    before: Judgement | None = None
    for look in looks:
        after, change = evaluate(Policy("p", (rule,)), before, look, SECOND)
        was = Tier.CALM if before is None else before.tier
        assert (was, after.tier) == ((change.before, change.after) if change is not None else (was, was))
        assert change is None or bool(change.because) == (change.after > change.before)
        before = after


@given(st.lists(levels, min_size=3, max_size=3), st.integers(0, 1500), st.integers(0, 1500))
def test_raising_a_value_never_lowers_the_tier_from_calm(enters: list[float], one: int, other: int) -> None:
    rising = zip((Tier.WARNING, Tier.CRITICAL, Tier.EMERGENCY), sorted(enters), strict=True)
    policy = Policy("p", tuple(TierRule(t, Condition((Threshold(Quantity.RSS, value),))) for t, value in rising))
    low, high = sorted((one, other))
    tiers = [evaluate(policy, None, full(value, policy.tiers[0].when), SECOND)[0].tier for value in (low, high)]
    assert tiers == sorted(tiers)


@given(conditions(), st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=10), st.booleans())
def test_between_leave_and_enter_nothing_flaps(condition: Condition, shares: list[float], active: bool) -> None:
    rule = TierRule(Tier.WARNING, condition)
    readings = {}
    first = {}
    for threshold in condition.thresholds:
        enter = threshold.value * LIMIT.bytes if threshold.relative else threshold.value
        leave = leave_value(rule, threshold, LIMIT)
        assert leave is not None
        readings[threshold.quantity] = (enter, leave)
        calm = leave * 2 if threshold.quantity.inverted else leave / 2
        first[threshold.quantity] = Reading(enter if active else calm, 0.0)
    policy = Policy("p", (rule,))
    judgement, _ = evaluate(policy, None, Sample(0.0, first, LIMIT), SECOND)
    expected = Phase.ACTIVE if active else Phase.CALM
    assert expected is judgement.states[0].phase
    for index, share in enumerate(shares):
        at = index + 1.0
        between = {name: Reading(leave + (enter - leave) * share, at) for name, (enter, leave) in readings.items()}
        look = Sample(at, between, LIMIT)
        if meets(condition, look):  # rounding may lift a share just below 1 to enter itself
            continue
        judgement, change = evaluate(policy, judgement, look, SECOND)
        assert (expected, None) == (judgement.states[0].phase, change)


@given(rules(), samples())
def test_what_is_missing_moves_no_tier_but_a_hold(rule: TierRule, looks: list[Sample]) -> None:
    policy = Policy("p", (rule,))
    for _, after in judged(policy, looks):
        blind, change = evaluate(policy, after, Sample(1e6, {}, LIMIT), SECOND)
        assert (after.tier, None) == (blind.tier, change)
        assert blind.states[0].phase is (after.states[0].phase if after.states[0].phase is Phase.ACTIVE else Phase.CALM)
