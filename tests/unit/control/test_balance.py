"""Plans of moves: off a broker, towards even loads, and no further."""

from bus.control.balance import balanced, drained, is_even, led_evenly, shrunk

FOUR = {1: "", 2: "", 3: "", 4: ""}
RACKS = {1: "a", 2: "b", 3: "c", 4: "a"}


def test_a_drained_broker_s_replicas_go_to_who_has_fewest():
    held = {"p": (1, 2), "q": (2, 1)}
    moves = drained(held, {2: "", 3: "", 4: ""}, {1}, {3: 5, 4: 4})
    assert moves == {"p": (4, 2), "q": (2, 3)}


def test_they_go_to_a_rack_of_their_own_rather_than_to_who_has_fewest():
    brokers = {2: "b", 3: "c", 4: "b"}
    assert drained({"p": (1, 2)}, brokers, {1}, {3: 9}) == {"p": (3, 2)}


def test_what_cannot_go_anywhere_stays():
    assert drained({"p": (1, 2)}, {2: ""}, {1}, {}) == {}


def test_a_broker_that_has_joined_is_given_its_share():
    held = {number: (1, 2, 3) for number in range(8)}
    moves = balanced(held, FOUR, 100)
    given = [replicas for replicas in moves.values() if 4 in replicas]
    assert len(given) == len(moves) == 6


def test_no_more_moves_than_so_many():
    held = {number: (1, 2, 3) for number in range(8)}
    assert len(balanced(held, FOUR, 2)) == 2


def test_nothing_moves_into_a_rack_that_has_a_replica():
    held = {number: (1, 2, 3) for number in range(8)}
    assert all(replicas[0] == 4 for replicas in balanced(held, RACKS, 100).values())


def test_a_small_difference_is_left_alone():
    held = {number: (1 + number % 3, 4) for number in range(9)}
    assert balanced(held | {9: (1, 4)}, {1: "", 2: "", 3: ""}, 100) == {}


def test_who_is_named_first_is_evened_out_by_order_alone():
    held = {number: (1, 2, 3) for number in range(6)}
    moves = led_evenly(held, 100)
    firsts = [moves.get(number, held[number])[0] for number in range(6)]
    assert sorted(firsts) == [1, 1, 2, 2, 3, 3]
    assert all(sorted(replicas) == [1, 2, 3] for replicas in moves.values())


def test_orders_that_are_even_enough_stay():
    assert led_evenly({1: (1, 2), 2: (2, 1), 3: (1, 2)}, 100) == {}


def test_of_fewer_replicas_the_first_stays_and_who_has_most_gives_up():
    assert shrunk({"p": (1, 2, 3, 4)}, FOUR, 2, {1: 9, 2: 5, 3: 4, 4: 5}) == {"p": (1, 3)}


def test_who_is_not_there_gives_up_before_all_others():
    assert shrunk({"p": (9, 1, 2), "q": (1, 2, 9)}, FOUR, 2, {}) == {"p": (1, 2), "q": (1, 2)}


def test_a_rack_that_has_two_gives_up_first():
    assert shrunk({"p": (1, 2, 4)}, RACKS, 2, {2: 9}) == {"p": (1, 2)}


def test_who_has_no_more_than_that_gives_up_nothing():
    assert shrunk({"p": (1, 2)}, FOUR, 2, {}) == {}


def test_brokers_that_hardly_differ_are_even():
    assert is_even({1: 30, 2: 33}, {1: 10, 2: 11})
    assert not is_even({1: 30, 2: 35}, {1: 10, 2: 11})
    assert not is_even({1: 30, 2: 30}, {1: 10, 2: 12})


def test_a_drained_broker_s_replicas_keep_to_hosts_of_their_own():
    hosts = {2: "x", 3: "y", 4: "x", 5: "z"}
    brokers = dict.fromkeys((2, 3, 4, 5), "")
    assert drained({"p": (1, 2, 3)}, brokers, {1}, {5: 9}, hosts) == {"p": (5, 2, 3)}


def test_nothing_moves_onto_a_host_that_has_a_replica():
    held = {number: (1, 2) for number in range(8)}
    moves = balanced(held, dict.fromkeys((1, 2, 3), "a"), 100, {1: "x", 2: "y", 3: "y"})
    assert moves
    assert all(replicas == (1, 3) for replicas in moves.values())
