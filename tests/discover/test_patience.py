import re
import signal
import threading

import pytest

from brimwatch.discover.patience import STRIKES, patience, renew, search

HARD = re.compile(r".*a.*b.*c")  # hours for this text
TEXT = "ab" * 2000


@pytest.fixture(autouse=True)
def afresh():
    renew()
    yield
    renew()


def test_an_expression_that_would_run_for_ever_is_given_up():
    with patience(0.01):
        assert search(HARD, TEXT) is None


def test_those_that_follow_are_still_answered():
    with patience(0.01):
        answers = [search(HARD, TEXT), search(re.compile("b"), TEXT), search(HARD, TEXT), search(re.compile("c"), TEXT)]
    assert answers == [None, True, None, False]


def test_many_quick_expressions_are_none_that_takes_long():
    quick = re.compile("b{3}")
    with patience(0.001):
        answers = {search(quick, TEXT) for _ in range(5000)}
    assert {False} == answers


def test_the_timer_stops_afterwards():
    with patience(0.01):
        pass
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_in_another_thread_expressions_are_evaluated_without_it():
    answers = []

    def work():
        with patience(0.01):
            answers.append(search(re.compile("b"), TEXT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [True]


def test_after_several_that_were_given_up_no_other_is_begun_until_the_next_pass():
    quick = re.compile("b")
    with patience(0.001):
        answers = [search(HARD, TEXT) for _ in range(STRIKES)]
        answers.append(search(quick, TEXT))
        renew()
        answers.append(search(quick, TEXT))
    assert answers == [None] * STRIKES + [None, True]
