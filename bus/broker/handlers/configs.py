"""DescribeConfigs, IncrementalAlterConfigs, AlterConfigs: settings of topics, read and changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.handlers.outcome import Work, attempt, attempt_each
from bus.broker.node import Node
from bus.broker.topic_changes import Done
from bus.errors import BusError, InvalidConfig, InvalidRequest
from bus.model.broker_settings import BROKER_SETTINGS
from bus.model.cluster import TopicImage
from bus.model.setting import Setting, as_text
from bus.model.topic_settings import TOPIC_SETTINGS
from bus.wire.admin import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    AlterConfigsResponse,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    ReplacedConfigs,
)

TOPIC_RESOURCE, BROKER_RESOURCE = 2, 4  # protocol: config resource types
TOPIC_SOURCE, STATIC_BROKER_SOURCE, DEFAULT_SOURCE = 1, 4, 5
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3  # protocol: IncrementalAlterConfigs operations
BOOLEAN, STRING, INT, LONG, LIST = 1, 2, 3, 5, 7  # protocol: config types
TYPES: dict[type, int] = {bool: BOOLEAN, str: STRING, int: INT}
INT_MAX = 2**31 - 1


def describe_configs(
    node: Node, context: Context, request: DescribeConfigsRequest, reply: Reply
) -> None:
    """Serve one DescribeConfigs."""
    response = DescribeConfigsResponse()
    asked = {(each.resource_type, each.resource_name): each for each in request.resources}
    for resource in asked.values():
        result = DescribeConfigsResult(
            resource_type=resource.resource_type, resource_name=resource.resource_name
        )
        document = request.include_documentation
        attempt(node, result, partial(_describe, node, resource, result, document))
        response.results.append(result)
    reply(response)


def _describe(
    node: Node,
    resource: DescribeConfigsResource,
    result: DescribeConfigsResult,
    document: bool,
) -> None:
    if resource.resource_type == TOPIC_RESOURCE:
        topic = node.metadata.topic(resource.resource_name)
        values, given, table = node.topics.described(topic), set(topic.config), TOPIC_SETTINGS
        source = TOPIC_SOURCE
    elif resource.resource_type == BROKER_RESOURCE:
        if resource.resource_name not in ("", str(node.settings.node_id)):
            raise InvalidRequest(f"This is broker {node.settings.node_id} and knows no other.")
        values, table = node.described_settings(), BROKER_SETTINGS
        given = {name for name, value in values.items() if value != as_text(table[name].default)}
        source = STATIC_BROKER_SOURCE
    else:
        raise InvalidRequest(f"Resources of type {resource.resource_type} have no settings.")
    keys = resource.configuration_keys
    result.configs = [
        _result(table[name], value, source if name in given else DEFAULT_SOURCE, document)
        for name, value in values.items()
        if keys is None or name in keys
    ]
    for entry in result.configs:
        entry.read_only |= resource.resource_type == BROKER_RESOURCE  # while it runs


def _result(
    entry: Setting, value: str, source: int, document: bool
) -> DescribeConfigsResourceResult:
    kind = LIST if entry.is_list else TYPES[type(entry.default)]
    return DescribeConfigsResourceResult(
        name=entry.name,
        value=value,
        read_only=bool(entry.fixed_because),
        is_default=source == DEFAULT_SOURCE,
        config_source=source,
        config_type=LONG if kind == INT and (entry.high or 0) > INT_MAX else kind,
        documentation=entry.doc if document else None,
    )


def incremental_alter_configs(
    node: Node,
    context: Context,
    request: IncrementalAlterConfigsRequest,
    reply: Reply,
    refusal: BusError | None = None,
) -> None:
    """Serve one IncrementalAlterConfigs; a resource is changed as a whole or not at all."""
    works = [
        partial(_alter, node, resource, request.validate_only) for resource in request.resources
    ]
    parts = _parts(request.resources, works)
    response = IncrementalAlterConfigsResponse(responses=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response), refusal)


def _alter(node: Node, resource: AlterConfigsResource, validate_only: bool, done: Done) -> None:
    def altered(topic: TopicImage) -> dict[str, str]:
        config = dict(topic.config)
        now = node.topics.described(topic)
        for change in resource.configs:
            _apply(config, change, now)
        return config

    name = _topic_name(resource)
    node.topics.alter(name, altered, done, validate_only=validate_only)


def alter_configs(
    node: Node,
    context: Context,
    request: AlterConfigsRequest,
    reply: Reply,
    refusal: BusError | None = None,
) -> None:
    """Serve one AlterConfigs: what is not named returns to its default."""
    works = [
        partial(_replace, node, resource, request.validate_only) for resource in request.resources
    ]
    parts = _parts(request.resources, works)
    response = AlterConfigsResponse(responses=[result for result, _ in parts])
    attempt_each(node, parts, partial(reply, response), refusal)


def _replace(node: Node, resource: ReplacedConfigs, validate_only: bool, done: Done) -> None:
    def altered(_: TopicImage) -> dict[str, str]:
        config: dict[str, str] = {}
        for entry in resource.configs:
            if entry.value is None:
                raise InvalidRequest(f"The setting {entry.name} is given no value.")
            config[entry.name] = entry.value
        return config

    name = _topic_name(resource)
    node.topics.alter(name, altered, done, validate_only=validate_only)


def _parts(
    resources: Sequence[AlterConfigsResource | ReplacedConfigs], works: Sequence[Work]
) -> list[tuple[AlterConfigsResourceResponse, Work]]:
    """A result for each, and what gives it; one that is named twice is refused."""
    named = Counter(map(_key, resources))
    return [
        (
            AlterConfigsResourceResponse(
                resource_type=resource.resource_type, resource_name=resource.resource_name
            ),
            work if named[_key(resource)] == 1 else _refuse_twice,
        )
        for resource, work in zip(resources, works, strict=True)
    ]


def _key(resource: AlterConfigsResource | ReplacedConfigs) -> tuple[int, str]:
    return resource.resource_type, resource.resource_name


def _refuse_twice(_: Done) -> None:
    raise InvalidRequest("The request names the resource twice.")


def _topic_name(resource: AlterConfigsResource | ReplacedConfigs) -> str:
    if resource.resource_type != TOPIC_RESOURCE:
        raise InvalidRequest("Only the settings of topics can be altered while the broker runs.")
    return resource.resource_name


def _apply(config: dict[str, str], change: AlterableConfig, now: Mapping[str, str]) -> None:
    """Change `config`; a list that it does not have is the one that counts `now`."""
    name, operation = change.name, change.config_operation
    if operation == DELETE:
        config.pop(name, None)
    elif change.value is None:
        raise InvalidRequest(f"The setting {name} is given no value.")
    elif operation == SET:
        config[name] = change.value
    elif operation not in (APPEND, SUBTRACT):
        raise InvalidRequest(f"There is no operation {operation} on settings.")
    elif name not in TOPIC_SETTINGS or not TOPIC_SETTINGS[name].is_list:
        raise InvalidConfig(f"The setting {name} is not a list: it can be set or deleted.")
    else:
        old = [each for each in config.get(name, now[name]).split(",") if each]
        given = change.value.split(",")
        kept = old if operation == APPEND else [each for each in old if each not in given]
        more = given if operation == APPEND else []
        config[name] = ",".join(dict.fromkeys([*kept, *more]))
