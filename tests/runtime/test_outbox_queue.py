"""Which message goes next, and which gives way?"""

from collections.abc import Iterable

from brimwatch.act.webhook_message import Occasion
from brimwatch.core.moment import Moment
from brimwatch.runtime.outbox_queue import END, ENTRY, Message, Queue

OCCASION = Occasion("tier_entered", 1.0, "a", None, "critical", "pager", "a entered critical", {}, "h", 1.0)


def message(name: str, action: str = "pager", series: str = "", purpose: str = ENTRY, tries: int = 0) -> Message:
    return Message(name, action, purpose, OCCASION, Moment(1.0, 1.0, "b"), series, tries=tries)


def queue(*messages: Message, most: int = 4) -> Queue:
    found = Queue(most)
    for one in messages:
        found.add(one)
    return found


def names(messages: Iterable[Message]) -> list[str]:
    return [one.id for one in messages]


def test_the_oldest_goes_first() -> None:
    taken = queue(message("a"), message("b")).take("pager")
    assert taken is not None
    assert taken.id == "a"


def test_what_was_tried_goes_after_what_was_not_so_that_one_bad_message_holds_up_no_other() -> None:
    taken = queue(message("a", tries=1), message("b"), message("c")).take("pager")
    assert taken is not None
    assert taken.id == "b"


def test_the_end_of_an_alert_never_overtakes_its_beginning() -> None:
    waiting = queue(message("a", series="s", tries=3), message("b", series="s", purpose=END), message("c", tries=4))
    taken = waiting.take("pager")
    assert taken is not None
    assert taken.id == "a"


def test_an_action_without_messages_has_none() -> None:
    assert queue(message("a")).take("other") is None


def test_the_oldest_of_the_same_action_gives_way() -> None:
    waiting = queue(message("a", "other"), message("b"), message("c"), message("d", "other"))
    given = waiting.add(message("e"))
    assert given is not None
    assert given.id == "b"
    assert names(waiting) == ["a", "d", "c", "e"]
    assert len(waiting) == 4


def test_an_action_that_has_none_takes_the_place_of_the_one_that_has_most() -> None:
    waiting = queue(message("a", "other"), message("b"), message("c"), message("d"))
    given = waiting.add(message("e", "third"))
    assert given is not None
    assert given.id == "b"


def test_ends_give_way_last_and_what_is_being_sent_never() -> None:
    flying = message("a")
    waiting = queue(flying, message("b", purpose=END), message("c"), message("d"))
    flying.flying = True
    assert names(filter(None, [waiting.add(message("e")), waiting.add(message("f"))])) == ["c", "d"]


def test_what_was_removed_waits_no_more() -> None:
    one = message("a", series="s")
    waiting = queue(one)
    assert waiting.waits("pager", "s")
    waiting.remove(one)
    waiting.remove(one)
    assert not waiting.waits("pager", "s")
    assert not waiting.holds(one)
    assert len(waiting) == 0
