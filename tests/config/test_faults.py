from brimwatch.config.faults import Faults, among, harmless


def test_faults_come_in_the_order_of_the_file_and_each_once() -> None:
    faults = Faults("f.yaml")
    faults.add(9, "b", "late")
    faults.add(2, "a", "early")
    faults.add(9, "b", "late")
    assert faults.lines() == ("f.yaml:2: a: early", "f.yaml:9: b: late")


def test_a_thousand_faults_are_told_and_the_rest_counted() -> None:
    faults = Faults("f.yaml")
    for line in range(1234):
        faults.add(line, "x", "wrong")
    assert len(faults.lines()) == 1001
    assert faults.lines()[-1] == "f.yaml: and 234 more faults"


def test_a_message_is_one_bounded_line_that_no_terminal_obeys() -> None:
    assert harmless("a\nb\x1b[31m\u202e\udc80ä") == r"a\nb\x1b[31m\u202e\udc80ä"
    assert len(harmless("x" * 5000)) == 1003


def test_options_of_a_set_are_told_in_a_fixed_order() -> None:
    assert (among({"b", "a"}), among(("b", "a")), among(("a",))) == ("one of a, b", "one of b, a", "a")
