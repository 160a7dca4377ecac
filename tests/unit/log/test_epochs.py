"""Leader epochs: where each begins and ends (KIP-101, KIP-279)."""

import pytest

from bus.log.epochs import EpochCache, EpochStart


def cache(*entries):
    return EpochCache([EpochStart(*entry) for entry in entries])


def test_the_latest_epoch_of_none_is_minus_one():
    assert cache().latest == -1


def test_an_epoch_ends_where_the_next_begins():
    assert cache((1, 0), (4, 10)).end_offset_for(1, log_end=25) == (1, 10)


def test_the_last_epoch_ends_at_the_log_s_end():
    assert cache((1, 0), (4, 10)).end_offset_for(4, log_end=25) == (4, 25)


def test_an_epoch_that_is_not_known_is_answered_by_the_one_before_it():
    assert cache((1, 0), (4, 10)).end_offset_for(3, log_end=25) == (1, 10)


def test_an_epoch_before_all_has_no_end():
    assert cache((1, 0)).end_offset_for(0, log_end=25) == (-1, -1)


@pytest.mark.parametrize("epoch", [3, 4])
def test_an_epoch_that_is_not_newer_says_nothing(epoch):
    epochs = cache((1, 0), (4, 10))
    epochs.assign(epoch, 20)
    assert epochs.entries == [(1, 0), (4, 10)]


def test_an_epoch_without_records_is_replaced_by_the_next():
    assert cache((1, 0), (4, 10), (5, 10)).entries == [(1, 0), (5, 10)]


def test_entries_ascend_strictly_even_if_a_later_epoch_begins_earlier():
    assert cache((1, 0), (2, 10), (3, 20), (4, 10)).entries == [(1, 0), (4, 10)]


@pytest.mark.parametrize(("offset", "epoch"), [(4, -1), (5, 1), (9, 1), (10, 4), (99, 4)])
def test_an_offset_belongs_to_the_epoch_that_began_last_before_it(offset, epoch):
    assert cache((1, 5), (4, 10)).epoch_at(offset) == epoch


def test_truncation_drops_the_epochs_of_which_no_record_is_left():
    epochs = cache((1, 0), (4, 10), (5, 20))
    epochs.truncate(10)
    assert epochs.entries == [(1, 0)]


def test_a_record_of_a_newer_epoch_begins_it():
    epochs = cache((1, 0))
    assert epochs.put(4, 10)
    assert epochs.entries == [(1, 0), (4, 10)]


def test_a_record_of_the_latest_epoch_is_no_news():
    epochs = cache((1, 0), (4, 10))
    assert not epochs.put(4, 11)
    assert epochs.entries == [(1, 0), (4, 10)]


def test_the_first_record_of_a_promised_epoch_is_no_news():
    epochs = cache((1, 0), (4, 10))
    assert not epochs.put(4, 10)
    assert epochs.entries == [(1, 0), (4, 10)]


def test_a_record_of_an_earlier_epoch_withdraws_one_that_was_promised_there_and_never_written():
    epochs = cache((1, 0), (4, 10))
    assert epochs.put(1, 10)
    assert epochs.entries == [(1, 0)]


def test_records_of_an_epoch_between_take_the_place_of_one_that_was_never_written():
    epochs = cache((1, 0), (4, 10))
    assert epochs.put(3, 10)
    assert epochs.entries == [(1, 0), (3, 10)]


# --- KIP-279: fast double failovers --------------------------------------------------------


def test_an_epoch_that_only_the_asker_knows_is_answered_by_the_largest_below_it_and_its_end():
    leader = cache((1, 0), (5, 30))
    assert leader.end_offset_for(3, log_end=40) == (1, 30)


def test_an_epoch_newer_than_all_is_answered_by_the_last_and_the_log_s_end():
    assert cache((1, 0), (5, 30)).end_offset_for(9, log_end=40) == (5, 40)


def test_a_leader_that_wrote_nothing_yet_ends_the_epoch_before_it_where_it_began():
    leader = cache((1, 0))
    leader.assign(5, 30)
    assert leader.end_offset_for(1, log_end=30) == (1, 30)
    assert leader.end_offset_for(5, log_end=30) == (5, 30)


def test_the_epoch_that_holds_a_new_start_begins_there():
    epochs = cache((1, 0), (4, 10), (5, 20))
    epochs.delete_prefix(15)
    assert epochs.entries == [(4, 15), (5, 20)]


def test_the_epoch_survives_the_deletion_of_all_records():
    epochs = cache((1, 0), (4, 10))
    epochs.delete_prefix(50)
    assert epochs.entries == [(4, 50)]
