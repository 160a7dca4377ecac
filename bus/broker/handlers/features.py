"""UpdateFeatures: the cluster goes to a higher level, once all its brokers know it."""

from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.handlers.outcome import attempt_each
from bus.broker.node import Node
from bus.broker.topic_changes import Done
from bus.errors import BusError, InvalidRequest
from bus.model.features import CLUSTER_VERSION
from bus.wire.features import (
    UPGRADE,
    FeatureUpdateKey,
    UpdatableFeatureResult,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)


def update_features(
    node: Node,
    context: Context,
    request: UpdateFeaturesRequest,
    reply: Reply,
    refusal: BusError | None = None,
) -> None:
    """Serve one UpdateFeatures."""
    response = UpdateFeaturesResponse()
    parts = []
    for update in request.feature_updates:
        result = UpdatableFeatureResult(update.feature)
        parts.append((result, partial(_raise, node, update, request.validate_only, response)))
    response.results = [result for result, _ in parts]
    attempt_each(node, parts, partial(_answer, response, reply), refusal)


def _raise(
    node: Node,
    update: FeatureUpdateKey,
    validate_only: bool,
    response: UpdateFeaturesResponse,
    done: Done,
) -> None:
    if update.feature != CLUSTER_VERSION:
        raise InvalidRequest(
            f"There is no feature {update.feature!r}; it is called {CLUSTER_VERSION!r}."
        )
    if update.upgrade_type != UPGRADE:
        raise InvalidRequest("There is no way back to a lower level.")

    def told(outcome: int | BusError) -> None:
        if isinstance(outcome, BusError):
            done(outcome)
        else:
            response.revision = max(response.revision, outcome)
            done(None)

    node.raise_level(update.max_version_level, told, validate_only=validate_only)


def _answer(response: UpdateFeaturesResponse, reply: Reply) -> None:
    """The first error stands for the whole as well: Kafka's newer clients read that one alone."""
    failed = next((result for result in response.results if result.error_code), None)
    if failed is not None:
        response.error_code, response.error_message = failed.error_code, failed.error_message
    reply(response)
