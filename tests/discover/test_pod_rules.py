import pytest

from brimwatch.config.settings import Match, PodMatch
from brimwatch.discover.facts import CGROUP, Facts, Place
from brimwatch.discover.names import fill
from brimwatch.discover.pods import Pod, PodBook, Resident
from brimwatch.discover.rules import Rule
from brimwatch.procfs.cgroup import parse_cgroup

ID = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
UID = "6de31acc-3b6d-4fe3-bd53-2cc9ddcd1b0e"
LABELS = (("app", "checkout"), ("empty", ""))
ASKED = frozenset(("app", "empty", "tier"))
POD = Pod(UID, UID, "shop", "checkout-x2x4z", "Burstable", LABELS, ASKED, {ID: "app"})
RESIDENT = Resident("shop", POD.name, "app", POD.qos, LABELS, ASKED)


def facts(path, resident=None):
    return Facts("app", place=Place(parse_cgroup(f"0::{path}\n".encode())), pod=resident)


KNOWN = facts(f"/kubepods/burstable/pod{UID}/{ID}", RESIDENT)
UNKNOWN = facts(f"/kubepods/burstable/pod{UID}/{ID}")
CLASSLESS = facts(f"/../pod{UID}/{ID}")
ELSEWHERE = facts(f"/docker/{ID}")
REFUSED = Facts("app", denied=frozenset((CGROUP,)))


def holds(match, given):
    """Whether the match holds; None where that cannot be known: then neither it holds, nor its opposite."""
    met = Rule(match).reduce(given, set()) is not None
    barred = Rule(Match(name="app", exclude=match)).reduce(given, set()) is None
    return met if met == barred else None


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param(PodMatch(), True, id="any pod"),
        pytest.param(PodMatch(namespace="shop"), True, id="a namespace"),
        pytest.param(PodMatch(namespace="sho"), False, id="a part of a namespace"),
        pytest.param(PodMatch(name="checkout-*"), True, id="a name by pattern"),
        pytest.param(PodMatch(name="cart-*"), False, id="another name"),
        pytest.param(PodMatch(container="app"), True, id="a container"),
        pytest.param(PodMatch(container="istio-*"), False, id="another container"),
        pytest.param(PodMatch(labels=(("app", "checkout"),)), True, id="a label"),
        pytest.param(PodMatch(labels=(("app", "cart"),)), False, id="another value of a label"),
        pytest.param(PodMatch(labels=(("app", "*"), ("empty", "*"))), True, id="labels with any value"),
        pytest.param(PodMatch(labels=(("app", "checkout"), ("tier", "*"))), False, id="a label that it has not"),
        pytest.param(PodMatch(labels=(("new", "*"),)), None, id="a label that nobody asked for yet"),
        pytest.param(PodMatch(labels=(("new", "*"), ("app", "cart"))), False, id="... where another is not met"),
        pytest.param(PodMatch(qos="Burstable"), True, id="a class"),
        pytest.param(PodMatch(qos="BestEffort"), False, id="another class"),
        pytest.param(PodMatch("shop", "c*", (("app", "c*"),), "app", "Burstable"), True, id="everything at once"),
        pytest.param(PodMatch("shop", "c*", (("app", "c*"),), "app", "Guaranteed"), False, id="all but one"),
    ],
)
def test_a_known_pod_is_compared(match, expected):
    assert holds(Match(pod=match), KNOWN) is expected


@pytest.mark.parametrize(
    ("given", "match", "expected"),
    [
        pytest.param(UNKNOWN, PodMatch(), True, id="a pod that nobody knows is one"),
        pytest.param(UNKNOWN, PodMatch(namespace="shop"), None, id="its namespace is not known"),
        pytest.param(UNKNOWN, PodMatch(namespace="*"), None, id="nor whether it is listed"),
        pytest.param(UNKNOWN, PodMatch(qos="Burstable"), True, id="its class stands in the path"),
        pytest.param(UNKNOWN, PodMatch(namespace="shop", qos="BestEffort"), False, id="which may decide"),
        pytest.param(CLASSLESS, PodMatch(qos="Burstable"), None, id="if it is there"),
        pytest.param(ELSEWHERE, PodMatch(), False, id="a container outside of any pod"),
        pytest.param(ELSEWHERE, PodMatch(namespace="shop"), False, id="is in no namespace"),
        pytest.param(REFUSED, PodMatch(), None, id="a cgroup that may not be read"),
    ],
)
def test_what_is_not_known_counts_neither_as_met_nor_as_unmet(given, match, expected):
    assert holds(Match(pod=match), given) is expected


def test_a_pod_that_is_not_known_is_not_counted_as_denied():
    denied = set()
    Rule(Match(pod=PodMatch(namespace="shop"))).reduce(UNKNOWN, denied)
    assert denied == set()
    Rule(Match(pod=PodMatch(namespace="shop"))).reduce(REFUSED, denied)
    assert denied == {"pod"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{pod}", "checkout-x2x4z", id="a pod"),
        pytest.param("{namespace}/{pod}/{pod_container}", "shop/checkout-x2x4z/app", id="all of them"),
        pytest.param("{pod}@{container}", "checkout-x2x4z@9ec39b91f3d7", id="with the container's ID"),
    ],
)
def test_names_are_made_of_pods(template, expected):
    assert fill(template, KNOWN) == expected
    assert fill(template, UNKNOWN) is None


def test_long_names_of_pods_are_bounded_and_stay_apart():
    names = {fill("{pod}", facts("/", RESIDENT._replace(name="a" * 200 + str(number)))) for number in range(3)}
    assert len(names) == 3
    assert all(len(name or "") == 64 for name in names)


def test_a_roster_follows_the_book(proc, roster, spec, pids):
    proc.add(10, cgroup=f"0::/kubepods/burstable/pod{UID}/{ID}\n")
    proc.add(11)
    found = roster(spec("web", pod=PodMatch(labels=(("app", "checkout"),))), spec("{pod}", pod=PodMatch("shop")))
    book = PodBook()
    found.know(book)
    assert pids(found.scan(0.0)) == {"web": []}
    book.put(POD)
    assert pids(found.scan(1.0)) == {"web": [10]}
    book.put(POD._replace(labels=(("app", "cart"),)))
    assert pids(found.scan(2.0)) == {"web": [], "checkout-x2x4z": [10]}
    same = found.scan(3.0)
    assert found.scan(4.0) is same
    book.remove(UID)
    assert pids(found.scan(5.0)) == {"web": []}


def test_what_a_process_was_judged_by_before_is_not_taken_for_what_it_is_now(proc, roster, spec, pids):
    proc.add(10, cgroup=f"0::/kubepods/burstable/pod{UID}/{ID}\n")
    found = roster(spec("web", pod=PodMatch(labels=(("app", "checkout"),))))
    book = PodBook()
    found.know(book)
    for number in range(20):
        book.put(POD._replace(labels=(("app", f"cart-{number}"),)))
        assert pids(found.scan(10.0 * number)) == {"web": []}
        book.put(POD._replace(labels=(("app", "checkout"), ("empty", str(number)))))
        assert pids(found.scan(10.0 * number + 5)) == {"web": [10]}
