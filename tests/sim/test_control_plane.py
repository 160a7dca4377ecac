"""A cluster of 50 brokers without logs: what happens to it costs what it is about."""

from tests.sim.plane.events import Events


def test_what_happens_to_a_large_cluster_costs_what_it_is_about():
    events = Events(50, 2000)
    seen = {event.what: event for event in events.run()}
    made, died = seen["40 topics are there"], seen["a broker dies"]
    assert made.partitions == 2000
    assert 100 <= died.partitions <= 150  # each has three replicas
    assert seen["its leaderships go back"].partitions <= 50
    assert seen["a rack of 5 dies"].partitions <= 5 * died.partitions
    assert died.broker.bytes_watched < made.broker.bytes_watched / 5
    one = seen["one in-sync set changes"]
    assert one.partitions == 1
    assert one.controller.transactions + one.broker.transactions == 2
    standing = events.standing()
    assert standing.keys["t"] == 41
    assert standing.records_per_group > 16
