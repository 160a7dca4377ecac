"""The epochs of a log from its records, its journal and its checkpoint."""

from bus.log.epoch_recovery import EpochReplay
from bus.log.epochs import NO_START, EpochStart


def replay(known=(), journal=(), scanned=(), seen=-1):
    """`scanned`: pieces, each a list of (base offset, end offset, epoch) of its batches."""
    replay = EpochReplay([EpochStart(*e) for e in known], [EpochStart(*e) for e in journal], seen)
    for piece in scanned:
        replay.on_headers(
            [
                (base, 100, epoch, 0, end - base - 1, 0, 0, -1, -1, -1, 1)
                for base, end, epoch in piece
            ]
        )
    return replay


def entries(replay, start=0, end=20):
    return replay.cache(start, end).entries


def test_what_is_not_scanned_is_as_the_checkpoint_says():
    assert entries(replay([(1, 0), (3, 7)])) == [(1, 0), (3, 7)]


def test_the_journal_goes_on_where_the_checkpoint_ends():
    assert entries(replay([(1, 0)], [(3, 7), (4, 9)])) == [(1, 0), (3, 7), (4, 9)]


def test_a_later_entry_of_the_journal_withdraws_an_epoch_that_was_never_written():
    """Elected in epoch 7 at 10, it wrote nothing; then it took records of epoch 4 at 10."""
    assert entries(replay([(4, 0)], [(7, 10), (4, 10), (9, 12)])) == [(4, 0), (9, 12)]


def test_a_journal_that_is_older_than_the_checkpoint_changes_nothing_when_it_is_read_again():
    events = [(2, 5), (7, 10), (4, 8), (9, 12)]
    assert entries(replay([(2, 5), (4, 8), (9, 12)], events)) == [(2, 5), (4, 8), (9, 12)]


def test_records_know_better_than_the_checkpoint():
    found = replay([(4, 0), (7, 10)], scanned=[[(0, 10, 4), (10, 12, 4), (12, 20, 8)]])
    assert entries(found) == [(4, 0), (8, 12)]


def test_records_say_nothing_of_what_lies_below_them():
    found = replay([(1, 0), (3, 4)], scanned=[[(8, 12, 3), (12, 20, 5)]])
    assert entries(found) == [(1, 0), (3, 4), (5, 12)]


def test_two_pieces_of_one_epoch_begin_it_once():
    found = replay(scanned=[[(0, 5, 1)], [(5, 9, 1)], [(9, 20, 2)]])
    assert entries(found) == [(1, 0), (2, 9)]


def test_an_epoch_whose_records_are_lost_stands_at_the_log_s_end():
    assert entries(replay([(1, 0)], [(6, 25)])) == [(1, 0), (6, 20)]


def test_an_epoch_that_was_only_seen_has_no_entry():
    found = replay([(1, 0)], [(6, NO_START)])
    assert (entries(found), found.max_epoch_seen) == ([(1, 0)], 6)


def test_the_highest_of_all_was_seen():
    assert replay([(1, 0)], [(6, NO_START)], seen=9).max_epoch_seen == 9
    assert replay([(1, 0)], scanned=[[(0, 20, 11)]], seen=9).max_epoch_seen == 11
    assert replay().max_epoch_seen == -1


def test_epochs_below_the_start_are_forgotten():
    assert entries(replay([(1, 0), (2, 5), (3, 9)]), start=7) == [(2, 7), (3, 9)]
