import pytest

from brimwatch.config.match import read_match
from brimwatch.config.match_written import match_written
from brimwatch.config.nodes import compose
from brimwatch.config.settings import Match, PodMatch

KEYS = "namespace, name, labels, container, qos"
WHY = "no name in a cluster fits this; a regular expression is not meant here"
NAME = "wanted a name, or a shell pattern such as checkout-*"


def pod(text: str) -> tuple[Match | None, tuple[str, ...]]:
    node = compose(f"{{pod: {text}}}", "f.yaml")
    found = read_match(node)
    return found, tuple(line.removeprefix("f.yaml:1: pod") for line in node.faults.lines())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("'*'", PodMatch(), id="any pod"),
        pytest.param("{namespace: shop}", PodMatch(namespace="shop"), id="a namespace"),
        pytest.param("{name: 'checkout-*'}", PodMatch(name="checkout-*"), id="a name by pattern"),
        pytest.param("{name: kube-apiserver-node1.example}", PodMatch(name="kube-apiserver-node1.example"), id="dots"),
        pytest.param("{container: app}", PodMatch(container="app"), id="a container by name"),
        pytest.param("{qos: BestEffort}", PodMatch(qos="BestEffort"), id="a class"),
        pytest.param(
            "{labels: {tier: 'b*', app.kubernetes.io/name: Shop_1}}",
            PodMatch(labels=(("app.kubernetes.io/name", "Shop_1"), ("tier", "b*"))),
            id="labels, sorted",
        ),
        pytest.param("{labels: {release: '1'}}", PodMatch(labels=(("release", "1"),)), id="a number in quotes"),
        pytest.param(
            "{namespace: shop, name: 'c-*', labels: {app: c}, container: app, qos: Burstable}",
            PodMatch("shop", "c-*", (("app", "c"),), "app", "Burstable"),
            id="all of them",
        ),
    ],
)
def test_what_a_match_says_of_pods(text: str, expected: PodMatch) -> None:
    found, faults = pod(text)
    assert (Match(pod=expected), ()) == (found, faults)
    assert found is not None
    assert read_match(compose(repr(match_written(found)), "written")) == found


def test_pods_may_be_left_out() -> None:
    node = compose("{container: '*', not: {pod: {namespace: kube-system}}}", "f.yaml")
    assert read_match(node) == Match(container="*", exclude=Match(pod=PodMatch(namespace="kube-system")))
    assert node.faults.lines() == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("web", f": found 'web', wanted * for any pod, or a mapping with {KEYS}", id="a name alone"),
        pytest.param("~", f": found nothing, wanted * for any pod, or a mapping with {KEYS}", id="nothing"),
        pytest.param("[web]", f": found a list, wanted * for any pod, or a mapping with {KEYS}", id="a list"),
        pytest.param(
            "{}", f": found an empty mapping, wanted at least one of {KEYS}; any pod is written '*'", id="no key"
        ),
        pytest.param(
            "{names: web}",
            f".names: found an unknown key, wanted one of {KEYS}; did you mean name?",
            id="a key that does not exist",
        ),
        pytest.param(
            "{name: 'checkout-.*'}", f".name: found 'checkout-.*', {NAME}; {WHY}", id="a regular expression"
        ),
        pytest.param("{name: '.*'}", f".name: found '.*', {NAME}; {WHY}", id="a regular expression for anything"),
        pytest.param("{name: Web}", f".name: found 'Web', {NAME}; {WHY}", id="a capital"),
        pytest.param("{namespace: 'a|b'}", f".namespace: found 'a|b', {NAME}; {WHY}", id="one of two"),
        pytest.param("{container: a_b}", f".container: found 'a_b', {NAME}; {WHY}", id="an underscore"),
        pytest.param(
            "{qos: besteffort}",
            ".qos: found 'besteffort', wanted one of Guaranteed, Burstable, BestEffort; did you mean BestEffort?",
            id="a class in small letters",
        ),
        pytest.param("{labels: {}}", ".labels: found an empty mapping, wanted 1 to 16 labels", id="no labels"),
        pytest.param(
            "{labels: app}", ".labels: found 'app', wanted a mapping", id="a label without a value"
        ),
        pytest.param(
            "{labels: {'a b': c}}",
            '.labels.\'a b\': found a key that no label has, wanted a key such as app or app.kubernetes.io/name',
            id="a key with a blank",
        ),
        pytest.param(
            "{labels: {app: 'a b'}}",
            ".labels.app: found 'a b', wanted a label's value, or a shell pattern such as web-*; * is any value",
            id="a value with a blank",
        ),
        pytest.param(
            "{labels: {release: 1}}",
            ".labels.release: found the number '1', wanted a text; put it in quotes if it is meant",
            id="a number",
        ),
    ],
)  # fmt: skip
def test_what_is_no_match_of_pods(text: str, expected: str) -> None:
    assert (expected,) == pod(text)[1]
