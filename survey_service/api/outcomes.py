"""`/v1/metrics/…` beside scores: funnel, times, costs, cases and who came back go out, by period and group."""

from __future__ import annotations

from datetime import timedelta

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.metrics import asked, figures_reply
from survey_service.api.pagination import ListOf
from survey_service.api.shapes.metric_questions import ComparedQuery, FiguresQuery, ReturnsQuery
from survey_service.api.shapes.metrics import CaseFiguresRow, FunnelRow, IncentiveCostRow, ReturnsRow, TimesRow
from survey_service.errors import InvalidInput
from survey_service.models.api_key import Scope
from survey_service.models.rollup import VOLUME
from survey_service.reporting.metrics import MetricQuestion
from survey_service.reporting.outcomes import Keyed, Outcomes
from survey_service.reporting.rates_compared import Ask, against_a_group, against_the_time_before


@endpoint("GET", "/v1/metrics/funnel", tag="metrics", scope=Scope.METRICS_READ, answers={200: ListOf[FunnelRow]})
async def list_funnel(call: Call, query: ComparedQuery) -> Reply:
    """Read the way from event to answer, for invitations that were made in a period; thirty days without `from`."""
    return await _compared_reply(call, query, Outcomes(call.parts.store).funnel)


@endpoint("GET", "/v1/metrics/times", tag="metrics", scope=Scope.METRICS_READ, answers={200: ListOf[TimesRow]})
async def list_times(call: Call, query: FiguresQuery) -> Reply:
    """Read how long people took to answer; thirty days without `from`."""
    return await _reply(call, query, Outcomes(call.parts.store).times)


@endpoint(
    "GET", "/v1/metrics/incentives", tag="metrics", scope=Scope.METRICS_READ, answers={200: ListOf[IncentiveCostRow]}
)
async def list_incentive_costs(call: Call, query: FiguresQuery) -> Reply:
    """Read what incentives cost, and that for each answer; thirty days without `from`."""
    return await _reply(call, query, Outcomes(call.parts.store).incentives)


@endpoint("GET", "/v1/metrics/cases", tag="metrics", scope=Scope.METRICS_READ, answers={200: ListOf[CaseFiguresRow]})
async def list_case_figures(call: Call, query: FiguresQuery) -> Reply:
    """Read how many cases were opened, how long they took, and how many are open; thirty days without `from`."""
    return await _reply(call, query, Outcomes(call.parts.store).cases)


@endpoint("GET", "/v1/metrics/returns", tag="metrics", scope=Scope.METRICS_READ, answers={200: ListOf[ReturnsRow]})
async def list_returns(call: Call, query: ReturnsQuery) -> Reply:
    """Read who came back after an answer, by score band and by what became of its case; thirty days without `from`."""
    outcomes, within = Outcomes(call.parts.store), query.period()
    settings = call.parts.settings
    kept = [days for days in (settings.retain_events_days, settings.retain_answers_days) if days is not None]
    names_stay = timedelta(days=min(kept)) if kept else None

    async def answer(question: MetricQuestion) -> Keyed:
        return await outcomes.returns(question, query.event_type, within, names_stay)

    return await _compared_reply(call, query, answer)


async def _compared_reply(call: Call, query: ComparedQuery, answer: Ask) -> Reply:
    async def compared(question: MetricQuestion) -> Keyed:
        if query.compare == "baseline":
            return await against_a_group(question, query.baseline_of(question), answer)
        if question.start is None:
            raise InvalidInput.at("/from", "required", "says what is compared")
        end = question.end or call.parts.clock.now()
        return await against_the_time_before(question, question.start, end, answer)

    return await _reply(call, query, compared if query.compare else answer)


async def _reply(call: Call, query: FiguresQuery, answer: Ask) -> Reply:
    rows = await answer(await asked(call, query, VOLUME))
    return figures_reply(call, query, rows, lambda row: row)


ENDPOINTS = (list_funnel, list_times, list_incentive_costs, list_case_figures, list_returns)
