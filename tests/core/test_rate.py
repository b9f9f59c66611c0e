from imagewright.core.rate import Rate, Turns


def test_each_has_its_turns_and_all_have_theirs() -> None:
    turns = Turns(Rate(each=2, total=5))
    granted = [turns.take(f"192.0.2.{n // 3}", 100.0 + n) for n in range(9)]
    assert [after == 0 for after in granted] == [True, True, False] * 2 + [True, False, False]
    assert granted[2] == 3600 - 2 + 1
    assert turns.take("192.0.2.9", 3699.0) == 2
    assert turns.take("192.0.2.9", 3700.0) == 0


def test_refusals_cost_nobody_a_turn() -> None:
    turns = Turns(Rate(each=1, total=2))
    assert turns.take("192.0.2.1", 0.0) == 0
    for _ in range(100):
        assert turns.take("192.0.2.1", 1.0)
    assert turns.take("192.0.2.2", 2.0) == 0
