"""There are no access rules, and each request about them is told so."""

from bus.errors import SecurityDisabled
from bus.wire.security import (
    AclCreation,
    CreateAclsRequest,
    DeleteAclsFilter,
    DeleteAclsRequest,
    DescribeAclsRequest,
)
from tests.fixtures.node import Bench

DISABLED = SecurityDisabled.code


def test_rules_are_not_described(bench: Bench) -> None:
    assert bench.ask(DescribeAclsRequest()).error_code == DISABLED


def test_no_rule_is_made(bench: Bench) -> None:
    answer = bench.ask(CreateAclsRequest(creations=[AclCreation(), AclCreation()]))
    assert [result.error_code for result in answer.results] == [DISABLED, DISABLED]


def test_no_rule_is_deleted(bench: Bench) -> None:
    answer = bench.ask(DeleteAclsRequest(filters=[DeleteAclsFilter()]))
    assert [result.error_code for result in answer.filter_results] == [DISABLED]
