import pytest

from brimwatch.discover.pod_objects import read_pod
from brimwatch.discover.pods import Pod, PodBook
from brimwatch.procfs.pod_paths import PodPlace

A, B = "a" * 64, "b" * 64
UID, OTHER = "6de31acc-3b6d-4fe3-bd53-2cc9ddcd1b0e", "0dd2b8a1-7a5b-4b0a-9c33-6a0f4f1f1c11"
HASH = "d1c54b44724f4f4eaf25cd1e3c15eddc"
HERE = (PodPlace(UID, A),)


def pod(uid=UID, name="web", path_uid=None, containers=None, labels=()):
    return Pod(uid, path_uid or uid, "shop", name, "Burstable", labels, frozenset(), containers or {A: "app"})


def found(book, places=HERE):
    resident = book.find(places)
    return None if resident is None else (resident.name, resident.container)


def test_a_container_is_found_by_its_path_while_its_pod_is_known():
    book = PodBook()
    assert found(book) is None
    book.put(pod())
    assert found(book) == ("web", "app")
    assert found(book, (PodPlace(UID, B),)) is None, "the sandbox's container, or one that is not listed yet"
    book.remove(UID)
    assert found(book) is None
    book.remove(UID)


def test_only_a_change_is_news_and_makes_another_object():
    book = PodBook()
    book.put(pod())
    first = book.find(HERE)
    assert book.news() == {UID}
    book.put(pod())
    assert book.news() == frozenset()
    assert book.find(HERE) is first
    book.put(pod(labels=(("app", "x"),)))
    assert book.news() == {UID}
    assert book.find(HERE) is not first
    book.keep([])
    assert book.news() == {UID}
    assert len(book) == 0


def test_the_outermost_pod_that_is_known_counts():
    book = PodBook()
    inner, outer = PodPlace(OTHER, B), PodPlace(UID, A)
    book.put(pod(OTHER, "victim", containers={B: "app"}))
    assert found(book, (outer, inner)) == ("victim", "app"), "a cluster within a pod of another one"
    book.put(pod())
    assert found(book, (outer, inner)) == ("web", "app"), "a cgroup that a container made is no pod"


def test_two_pods_that_claim_to_be_the_same_static_one_are_neither():
    book = PodBook()
    place = (PodPlace(HASH, A),)
    book.put(pod(UID, "etcd", HASH))
    assert found(book, place) == ("etcd", "app")
    book.put(pod(OTHER, "liar", HASH))
    assert found(book, place) is None
    book.remove(OTHER)
    assert found(book, place) == ("etcd", "app")


def shown(**metadata):
    return {
        "metadata": {"uid": UID, "namespace": "shop", "name": "web", "labels": {"app": "web", "x": "y"}, **metadata},
        "status": {
            "qosClass": "BestEffort",
            "initContainerStatuses": [{"name": "setup", "containerID": f"cri-o://{B}"}],
            "containerStatuses": [{"name": "app", "containerID": f"containerd://{A}"}, {"name": "late"}],
        },
    }


def test_of_an_object_only_what_is_asked_for_is_kept():
    asked = frozenset(("app", "tier"))
    expected = Pod(UID, UID, "shop", "web", "BestEffort", (("app", "web"),), asked, {A: "app", B: "setup"})
    assert read_pod(shown(), asked) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        pytest.param(HASH, HASH, id="a mirror of a static pod is called by its hash"),
        pytest.param(OTHER, UID, id="nobody passes for an ordinary pod"),
        pytest.param("", UID, id="nothing in it"),
        pytest.param(7, UID, id="a number"),
    ],
)
def test_static_pods_are_known_by_their_mirror(annotation, expected):
    found = read_pod(shown(annotations={"kubernetes.io/config.mirror": annotation}), frozenset())
    assert found is not None
    assert found.path_uid == expected


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param({}, id="an empty object"),
        pytest.param({"metadata": 7}, id="a number for metadata"),
        pytest.param({"metadata": {"uid": UID, "namespace": "shop"}}, id="no name"),
        pytest.param({"metadata": {"uid": UID, "namespace": "shop", "name": "x" * 254}}, id="a name that is too long"),
    ],
)
def test_what_is_no_pod_is_none(given):
    assert read_pod(given, frozenset()) is None


@pytest.mark.parametrize(
    "status", [7, {}, {"containerStatuses": 7}, {"containerStatuses": [7, {"name": 1}]}, {"qosClass": "Best"}]
)
def test_a_status_of_any_form_leaves_a_pod_without_containers(status):
    found = read_pod({**shown(labels=["app"]), "status": status}, frozenset(("app",)))
    assert found is not None
    assert (found.containers, found.qos, found.labels) == ({}, None, ())
