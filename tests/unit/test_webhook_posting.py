"""What a receiver says or fails to say, in the service's own words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook as Verifier

from survey_service.followup.webhook_addresses import Addresses
from survey_service.followup.webhook_posting import Answer, Poster, read_retry_after, signed_headers
from survey_service.followup.webhook_sending import verdict_on
from survey_service.models.webhook import SECRET_BYTES, CallError, CallState, new_secret
from survey_service.work.retry import CALL_SCHEDULE
from tests.support.receiver import Receiver, answer, hang

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("0", timedelta()),
        ("120", timedelta(minutes=2)),
        (" 120 ", timedelta(minutes=2)),
        ("999999999", 24 * HOUR),
        ("99999999999999999999", None),
        ("Sun, 22 Nov 2026 13:00:00 GMT", HOUR),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta()),
        ("Sun, 22 Nov 2099 11:00:00 GMT", 24 * HOUR),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(header: str | None, wait: timedelta | None) -> None:
    assert read_retry_after(header, NOW) == wait


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    assert verdict_on(Answer(5, status), 1, NOW).state is CallState.DELIVERED


@pytest.mark.parametrize("status", [100, 301, 302, 304, 400, 401, 404, 429, 500, 503, None])
def test_anything_else_is_tried_again(status: int | None) -> None:
    assert verdict_on(Answer(5, status), 1, NOW).state is CallState.WAITING


def test_410_is_the_end() -> None:
    assert verdict_on(Answer(5, 410), 1, NOW).state is CallState.DEAD


def test_the_schedule_is_that_of_the_documentation_and_jitter_only_prolongs_it() -> None:
    waits = [verdict_on(Answer(5, 500), tries, NOW, jitter=0.0).due_at for tries in range(1, 10)]
    assert [due - NOW for due in waits if due] == list(CALL_SCHEDULE)
    assert verdict_on(Answer(5, 500), 10, NOW).state is CallState.DEAD
    later = [verdict_on(Answer(5, 500), tries, NOW).due_at for tries in range(1, 10)]
    assert all(NOW + wait <= due <= NOW + wait * 1.2 for wait, due in zip(CALL_SCHEDULE, later, strict=True) if due)
    assert sum(CALL_SCHEDULE, timedelta()) > 72 * HOUR


def test_retry_after_prolongs_the_wait_and_never_shortens_it() -> None:
    asked = Answer(5, 429, retry_after=2 * HOUR)
    assert verdict_on(asked, 1, NOW, jitter=0.0).due_at == NOW + 2 * HOUR
    assert verdict_on(asked, 9, NOW, jitter=0.0).due_at == NOW + CALL_SCHEDULE[-1]


def test_every_secret_signs_and_the_library_takes_each_signature() -> None:
    secrets = [new_secret(), new_secret()]
    body = '{"type":"webhook.test","who":"Zoë"}'
    headers = signed_headers(secrets, "msg_1", datetime.now(UTC), body)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in secrets:
        assert Verifier(secret).verify(body.encode(), headers)["who"] == "Zoë"


def test_a_secret_is_as_long_as_standard_webhooks_asks_for_and_never_the_same() -> None:
    assert 24 <= SECRET_BYTES <= 64
    assert new_secret().startswith("whsec_")
    assert len({new_secret() for _ in range(100)}) == 100


async def post(url: str, addresses: Addresses | None = None, total: float = 5.0) -> Answer:
    poster = Poster(addresses or Addresses(loopback=True), total)
    try:
        return await poster.post(url, [new_secret()], "msg_1", "{}", datetime.now(UTC))
    finally:
        await poster.close()


async def test_a_receiver_that_never_answers_is_a_timeout() -> None:
    async with Receiver() as receiver:
        receiver.always(hang)
        assert (await post(receiver.url, total=0.2)).error is CallError.TIMEOUT


async def test_a_receiver_that_nobody_runs_is_not_connected() -> None:
    async with Receiver() as receiver:
        url = receiver.url
    assert (await post(url)).error is CallError.NOT_CONNECTED


async def test_a_receiver_without_tls_fails_at_it() -> None:
    async with Receiver() as receiver:
        assert (await post(receiver.url.replace("http:", "https:"))).error is CallError.TLS


async def test_a_name_that_leads_nowhere_is_unresolved() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    assert (await post("https://acme.example/", Addresses(resolve=nowhere))).error is CallError.UNRESOLVED


async def test_a_status_comes_back_with_the_wait_that_was_asked_for() -> None:
    async with Receiver() as receiver:
        receiver.script(answer(503, Retry_After="7"), answer(500, Retry_After="7"))
        first, second = await post(receiver.url), await post(receiver.url)
        assert (first.status, first.retry_after) == (503, timedelta(seconds=7))
        assert (second.status, second.retry_after) == (500, None)
