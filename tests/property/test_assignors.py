"""Are the assignors right for all groups: everything has one owner, evenly, and little moves?"""

from hypothesis import given
from hypothesis import strategies as st

from bus.client.assignors import ASSIGNORS, Member
from bus.model.ids import TopicPartition

TOPICS = "tuv"
counts = st.dictionaries(st.sampled_from(TOPICS), st.integers(0, 7))
names = st.lists(st.integers(0, 99).map(str), min_size=1, max_size=6, unique=True)


@st.composite
def groups(draw, even=False):
    """Members, and the topics' partitions; claims may contradict each other."""
    topics = draw(counts)
    partitions = [TopicPartition(topic, i) for topic in TOPICS for i in range(8)]
    subset = st.frozensets(st.sampled_from(TOPICS))
    shared = draw(subset)
    members = [
        Member(
            name,
            shared if even else draw(subset),
            draw(st.sampled_from([None, f"i{name}"])),
            draw(st.frozensets(st.sampled_from(partitions), max_size=8)),
            draw(st.integers(-1, 3)),
        )
        for name in draw(names)
    ]
    return members, topics


def readable(members, topics):
    return sorted(
        TopicPartition(topic, i)
        for topic, count in topics.items()
        if any(topic in member.topics for member in members)
        for i in range(count)
    )


@given(groups(), st.sampled_from(["range", "roundrobin", "sticky"]))
def test_every_partition_has_one_owner_that_reads_its_topic(group, name):
    members, topics = group
    shares = ASSIGNORS[name].assign(members, topics)
    assert shares.keys() == {member.member_id for member in members}
    assert sorted(p for share in shares.values() for p in share) == readable(members, topics)
    for member in members:
        assert {p.topic for p in shares[member.member_id]} <= member.topics


@given(groups())
def test_sticky_shares_cannot_be_made_more_even_by_one_move(group):
    members, topics = group
    shares = ASSIGNORS["sticky"].assign(members, topics)
    for share in shares.values():
        for partition in share:
            for other in members:
                if partition.topic in other.topics:
                    assert len(shares[other.member_id]) >= len(share) - 1


@given(groups(even=True))
def test_sticky_moves_no_more_than_even_shares_ask_for(group):
    members, topics = group
    shares = ASSIGNORS["sticky"].assign(members, topics)
    exists = set(readable(members, topics))
    for member in members:
        had = {p for p in member.owned & exists if youngest_claims(members, p) == [member]}
        kept = had & set(shares[member.member_id])
        assert kept == had or len(kept) == len(shares[member.member_id])


def youngest_claims(members, partition):
    claims = [member for member in members if partition in member.owned]
    newest = max(member.generation for member in claims)
    return [member for member in claims if member.generation == newest]


@given(groups())
def test_a_second_sticky_round_moves_nothing(group):
    members, topics = group
    shares = ASSIGNORS["sticky"].assign(members, topics)
    again = [
        Member(m.member_id, m.topics, m.instance_id, frozenset(shares[m.member_id]), 9)
        for m in members
    ]
    assert ASSIGNORS["sticky"].assign(again, topics) == shares


@given(groups())
def test_cooperative_rounds_end_where_sticky_does_and_nobody_gets_what_another_has(group):
    members, topics = group
    assign = ASSIGNORS["cooperative-sticky"].assign
    for generation in range(10, 14):
        shares = assign(members, topics)
        for member in members:
            gained = set(shares[member.member_id]) - member.owned
            assert not any(
                gained & (other.owned & set(shares[other.member_id])) for other in members
            )
            assert not any(
                gained & (other.owned - set(shares[other.member_id])) for other in members
            )
        members = [
            Member(m.member_id, m.topics, m.instance_id, frozenset(shares[m.member_id]), generation)
            for m in members
        ]
    assert sorted(p for share in shares.values() for p in share) == readable(members, topics)
    assert shares == ASSIGNORS["sticky"].assign(members, topics)
