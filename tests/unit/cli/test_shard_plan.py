"""What each shard of a host is told."""

import pytest

from bus.cli.failure import UserError
from bus.cli.serve import FLAGS, parser, settings_of
from bus.cli.shard_plan import etcd_urls, options, shard_settings

FREE = ["--listen", "tcp://127.0.0.1:*", "--cluster", "c"]


def plan(tmp_path, *given, shards=3):
    args = parser().read(["--shards", str(shards), "--data", str(tmp_path / "d"), *given])
    return args, shard_settings(settings_of(args), shards, "here")


def test_each_has_a_directory_a_number_and_ports_of_its_own(tmp_path):
    at = ["--cluster", "c", "--bootstrap", "--listen", "tcp://127.0.0.1:7901"]
    at += ["--node-id", "10", "--http", "127.0.0.1:9464", "--peers", "127.0.0.1:7951"]
    _, shards = plan(tmp_path, *at)
    assert [own["data"] for own in shards] == [f"{tmp_path}/d/shard-{n}" for n in range(3)]
    assert [own["node.id"] for own in shards] == ["10", "11", "12"]
    assert [own["listen"][-4:] for own in shards] == ["7901", "7902", "7903"]
    assert [own["http"][-4:] for own in shards] == ["9464", "9465", "9466"]
    assert [own["peers"][-4:] for own in shards] == ["7951", "7952", "7953"]


def test_kafka_s_listeners_keep_out_of_each_other_s_way(tmp_path):
    given = "A=127.0.0.1:9092,B=127.0.0.1:9093"
    _, shards = plan(tmp_path, *FREE, "--bootstrap", "--kafka", given)
    assert shards[1]["kafka"] == "A=127.0.0.1:9094,B=127.0.0.1:9095"


def test_ports_that_would_meet_are_told(tmp_path):
    at = ["--listen", "tcp://127.0.0.1:7901", "--http", "127.0.0.1:7903", "--cluster", "c"]
    with pytest.raises(UserError, match=r"listen of shard 2 .* port 7903"):
        plan(tmp_path, *at, "--bootstrap")


def test_the_host_is_a_rack_unless_it_is_told_one(tmp_path):
    _, shards = plan(tmp_path, *FREE, "--bootstrap")
    assert {own["rack"] for own in shards} == {"here"}
    _, shards = plan(tmp_path, *FREE, "--bootstrap", "--rack", "a")
    assert {own["rack"] for own in shards} == {"a"}


def test_there_is_one_member_of_etcd_beside_the_first(tmp_path):
    args, shards = plan(tmp_path, *FREE, "--join", "127.0.0.1:2479")
    assert [own["join"] for own in shards] == ["127.0.0.1:2479", "", ""]
    settings = settings_of(args)
    assert etcd_urls(settings) == "http://127.0.0.1:2379,http://127.0.0.1:2479"
    noted = tmp_path / "d" / "shard-0" / "etcd"
    noted.mkdir(parents=True)
    (noted / "urls").write_text("http://127.0.0.1:2379\nhttp://127.0.0.1:2579\n")
    assert "http://127.0.0.1:2579" in etcd_urls(settings)


def test_all_have_the_etcd_that_is_named(tmp_path):
    args, shards = plan(tmp_path, *FREE, "--etcd", "http://e:2379")
    assert {own["etcd"] for own in shards} == {"http://e:2379"}
    assert etcd_urls(settings_of(args)) == "http://e:2379"


def test_what_was_given_besides_is_passed_on(tmp_path):
    given = ["--bootstrap", "--set", "broker.id=7", "--set", "log.flush=os", "--insecure"]
    args, shards = plan(tmp_path, *FREE, *given)
    told = options(args, FLAGS, shards[1])
    assert "log.flush=os" in told
    assert "insecure=true" in told
    assert "broker.id=7" not in told
    again = settings_of(parser().read(told))
    assert (again.node_id, again.bootstrap, again.topic.flush) == (8, False, "os")


def test_shards_without_a_cluster_are_told_what_is_missing(tmp_path):
    with pytest.raises(UserError, match=r"name it by --cluster NAME, .* --bootstrap"):
        plan(tmp_path)
    with pytest.raises(UserError, match="needs an etcd"):
        plan(tmp_path, *FREE)


def test_data_of_another_plan_is_not_passed_over(tmp_path):
    (tmp_path / "d" / "shard-3").mkdir(parents=True)
    with pytest.raises(UserError, match="shard-3 holds the data of one more shard"):
        plan(tmp_path, *FREE, "--bootstrap")
    (tmp_path / "d" / "topics").mkdir()
    with pytest.raises(UserError, match="holds the data of one broker"):
        plan(tmp_path, *FREE, "--bootstrap", shards=4)
