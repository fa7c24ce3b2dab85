"""`/v1/metrics`: figures with n, distribution and interval go out, by period and group."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import ListOf, ListQuery, list_reply
from survey_service.api.shapes.metric_questions import AnswersQuery, FiguresQuery, MetricsQuery, Shielded
from survey_service.api.shapes.metrics import MetricRow, VolumeRow
from survey_service.errors import InvalidInput
from survey_service.models.api_key import Scope
from survey_service.models.rollup import AGENT, LISTED, VOLUME
from survey_service.reporting.dimensions import NAMES_PEOPLE, column_of, is_listed
from survey_service.reporting.metric_rows import score_row, volume_row
from survey_service.reporting.metrics import Answer, MetricQuestion, Metrics, order_of
from survey_service.store.histograms import knows_dimension

FigureT = TypeVar("FigureT")


@endpoint("GET", "/v1/metrics", tag="metrics", scope=Scope.METRICS_READ, answers={200: ListOf[MetricRow]})
async def list_metrics(call: Call, query: MetricsQuery) -> Reply:
    """Read NPS, CSAT or CES by period and group, oldest period first."""
    if query.rank and query.compare:
        raise InvalidInput.at("/compare", "rank", "goes without rank, which compares each group with the rest")
    question = await asked(call, query, query.metric)
    answer, other = await _answer(Metrics(call.parts.store), query, question)
    now = call.parts.clock.now()
    page = [(order_of(figure.group, figure.rank), figure) for figure in answer.figures]
    return figures_reply(call, query, page, lambda figure: score_row(figure, question, answer, now, other))


@endpoint("GET", "/v1/metrics/volume", tag="metrics", scope=Scope.METRICS_READ, answers={200: ListOf[VolumeRow]})
async def list_volume(call: Call, query: FiguresQuery) -> Reply:
    """Count responses by period and group, oldest period first."""
    question = await asked(call, query, VOLUME)
    rows, time, source = await Metrics(call.parts.store).volume(question)
    now = call.parts.clock.now()
    page = [(order_of(row.group), row) for row in rows]
    return figures_reply(call, query, page, lambda row: volume_row(row, question, time, source.value, now))


async def asked(call: Call, query: AnswersQuery, metric: str) -> MetricQuestion:
    """The question of a query.

    Raises:
        InvalidInput: it cannot be asked, or names a dimension that no survey lists.
    """
    configuration = call.parts.store.configuration
    snapshot = await configuration.current()
    listed = [name for name in query.named() if is_listed(name) and name != AGENT]
    # Surveys call it what they like, and older versions of them called it something else.
    of_people = [name for name in listed if await configuration.surveys.names(**{name: {"$regex": NAMES_PEOPLE}})]
    shielded = Shielded(call.parts.settings.metrics_min_n, frozenset({AGENT, *of_people}), snapshot.promised)
    question = query.ask(metric, shielded, call.parts.clock.now())
    if listed:
        known = {LISTED + name for survey in snapshot.surveys.values() for name in survey.dimensions}
        for name in listed:
            if name not in known and not await knows_dimension(call.parts.store.database, name):
                pointer = "/group_by" if name in question.group_by else "/where"
                raise InvalidInput.at(pointer, "dimension", f"{column_of(name)}: no survey lists such a dimension")
    return question


def figures_reply(
    call: Call,
    query: ListQuery,
    ordered: Sequence[tuple[tuple[Any, ...], FigureT]],
    show: Callable[[FigureT], Mapping[str, Any]],
) -> Reply:
    """A page of figures that are in the order of their keys; its cursor is the key of the last one."""
    after = _decode(query.cursor) if query.cursor else None
    left = [pair for pair in ordered if after is None or pair[0] > after]
    page = left[: query.limit]
    cursor = _encode(page[-1][0]) if len(left) > query.limit else None
    return list_reply(call, [show(figure) for _, figure in page], cursor)


async def _answer(metrics: Metrics, query: MetricsQuery, question: MetricQuestion) -> tuple[Answer, str]:
    """The answer, and the column of what its figures are compared with."""
    if query.rank:
        if not question.group_by:
            raise InvalidInput.at("/group_by", "required", "says what is compared")
        return await metrics.league_table(question), "rest"
    if query.compare == "previous":
        return await metrics.compared_with_before(question), "previous"
    if query.compare == "baseline":
        return await metrics.compared_with_group(question, query.baseline_of(question)), "baseline"
    return await metrics.scores(question), ""


def _encode(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def _decode(text: str) -> tuple[Any, ...]:
    try:
        key = orjson.loads(base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True))
        at, scale, rank, *groups = key
        return (int(at), str(scale), int(rank), *((bool(known), str(value)) for known, value in groups))
    except (UnicodeError, binascii.Error, ValueError, TypeError) as error:
        raise InvalidInput.at("/cursor", "cursor", "is not a cursor of this service") from error


ENDPOINTS = (list_metrics, list_volume)
