"""Configuration: versions without gaps however many write, and every worker sees a change with its next batch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from survey_service.errors import NotFound, PreconditionFailed
from survey_service.models.pause import Pause, PauseScope
from survey_service.models.touchpoint import TouchpointContent
from survey_service.store.revision import read_revision
from survey_service.store.store import Store
from tests.support.pipeline import NAME, Pipeline, a_brand, a_survey, a_trigger, an_event
from tests.support.service import open_store

MANY = 12


async def test_a_put_makes_a_version_and_the_same_put_none(store: Store) -> None:
    surveys = store.configuration.surveys
    first, changed = await surveys.put(NAME, a_survey())
    assert (first.id, first.version, first.latest, changed) == (f"{NAME}:1", 1, True, True)
    again, changed = await surveys.put(NAME, a_survey())
    assert (again.version, changed) == (1, False)
    second, changed = await surveys.put(NAME, a_survey(name="Renamed"))
    assert (second.version, changed) == (2, True)
    assert await surveys.latest(NAME) == second
    assert [row.version for row in await surveys.history(NAME)] == [2, 1]


async def test_a_version_never_changes(store: Store) -> None:
    surveys = store.configuration.surveys
    await surveys.put(NAME, a_survey())
    before = await surveys.version(NAME, 1)
    await surveys.put(NAME, a_survey(name="Renamed"))
    await surveys.delete(NAME)
    after = await surveys.version(NAME, 1)
    assert before is not None
    assert after == before.model_copy(update={"latest": False})


async def test_puts_of_one_survey_at_once_make_versions_without_gaps(store: Store) -> None:
    surveys = store.configuration.surveys
    results = await asyncio.gather(*(surveys.put(NAME, a_survey(name=f"Writer {n}")) for n in range(MANY)))
    assert sorted(row.version for row, _ in results) == list(range(1, MANY + 1))
    assert all(changed for _, changed in results)
    history = await surveys.history(NAME)
    assert [row.version for row in history] == list(range(MANY, 0, -1))
    assert [row.version for row in history if row.latest] == [MANY]
    assert await read_revision(store.database) == MANY


async def test_the_same_put_from_many_callers_makes_one_version(store: Store) -> None:
    results = await asyncio.gather(*(store.configuration.surveys.put(NAME, a_survey()) for _ in range(MANY)))
    assert sum(changed for _, changed in results) == 1
    assert {row.version for row, _ in results} == {1}
    assert await read_revision(store.database) == 1


@pytest.mark.parametrize("expected", [0, 1])
async def test_of_many_conditional_puts_at_once_one_passes(store: Store, expected: int) -> None:
    surveys = store.configuration.surveys
    if expected:
        await surveys.put(NAME, a_survey())
    results = await asyncio.gather(
        *(surveys.put(NAME, a_survey(name=f"Writer {n}"), expected) for n in range(MANY)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, PreconditionFailed)]
    assert len(refused) == MANY - 1
    assert [row.version for row in await surveys.history(NAME)] == list(range(expected + 1, 0, -1))


@pytest.mark.parametrize(("expected", "passes"), [(None, True), (1, True), (0, False), (2, False)])
async def test_a_put_under_a_condition_passes_only_over_what_it_names(
    store: Store, expected: int | None, passes: bool
) -> None:
    surveys, brands = store.configuration.surveys, store.configuration.brands
    await surveys.put(NAME, a_survey())
    await brands.put("acme", a_brand())
    puts = (
        surveys.put(NAME, a_survey(name="Renamed"), expected),
        brands.put("acme", a_brand(name="Renamed"), expected),
    )
    results = await asyncio.gather(*puts, return_exceptions=True)
    assert [isinstance(result, PreconditionFailed) for result in results] == [not passes] * 2


async def test_what_was_deleted_is_gone_until_it_is_put_again(store: Store) -> None:
    triggers = store.configuration.triggers
    await triggers.put(NAME, a_trigger())
    await triggers.delete(NAME)
    assert await triggers.latest(NAME) is None
    assert await triggers.all_latest() == []
    with pytest.raises(NotFound):
        await triggers.delete(NAME)
    with pytest.raises(PreconditionFailed):
        await triggers.put(NAME, a_trigger(), 2)
    row, changed = await triggers.put(NAME, a_trigger(), 0)
    assert (row.version, changed) == (3, True)
    assert [(old.version, old.deleted) for old in await triggers.history(NAME)] == [(3, False), (2, True), (1, False)]


async def test_a_registry_counts_its_revisions(store: Store) -> None:
    touchpoints = store.configuration.touchpoints
    results = await asyncio.gather(*(touchpoints.put("t", TouchpointContent(name=f"Shop {n}")) for n in range(MANY)))
    assert sorted(row.revision for row, _ in results) == list(range(1, MANY + 1))
    present = await touchpoints.get("t")
    assert present is not None
    assert present.revision == MANY
    same, changed = await touchpoints.put("t", TouchpointContent(name=present.name))
    assert (same.revision, changed) == (MANY, False)
    await touchpoints.delete("t")
    with pytest.raises(NotFound):
        await touchpoints.delete("t")


async def test_every_change_raises_the_revision_and_nothing_else_does(store: Store) -> None:
    configuration = store.configuration
    pause = Pause(id="everything", scope=PauseScope.EVERYTHING, created_at=store.clock.now())
    changes: list[Any] = [
        lambda: configuration.brands.put("acme", a_brand()),
        lambda: configuration.surveys.put(NAME, a_survey()),
        lambda: configuration.triggers.put(NAME, a_trigger()),
        lambda: configuration.touchpoints.put("t", TouchpointContent(name="Shop")),
        lambda: configuration.pauses.put(pause),
        lambda: configuration.pauses.delete("everything"),
        lambda: configuration.triggers.delete(NAME),
        lambda: configuration.brands.delete("acme"),
    ]
    for number, change in enumerate(changes):
        assert await read_revision(store.database) == number
        await change()
    for nothing in (
        configuration.surveys.put(NAME, a_survey()),
        configuration.touchpoints.put("t", TouchpointContent(name="Shop")),
        configuration.pauses.delete("everything"),
        configuration.surveys.put(NAME, a_survey(name="Renamed"), 7),
    ):
        await asyncio.gather(nothing, return_exceptions=True)
    assert await read_revision(store.database) == len(changes)


async def test_a_snapshot_is_read_once_a_revision(store: Store) -> None:
    await store.configuration.triggers.put(NAME, a_trigger())
    first = await store.configuration.current()
    assert await store.configuration.current() is first
    await store.configuration.triggers.put("another", a_trigger(event_type="order.lost"))
    second = await store.configuration.current()
    assert set(second.triggers) == {NAME, "another"}
    assert [row.trigger for row in second.triggers_for("order.lost")] == ["another"]
    assert set(first.triggers) == {NAME}  # a batch decides by one state from beginning to end


async def test_a_reader_that_may_lag_does_not_ask_again_within_its_time(store: Store) -> None:
    first = await store.configuration.current()
    await store.configuration.triggers.put(NAME, a_trigger())
    assert await store.configuration.current(max_age=600) is first
    assert set((await store.configuration.current()).triggers) == {NAME}


async def test_another_process_sees_a_change_with_its_next_look(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    other = await open_store(mongodb_uri, database_name)
    try:
        assert (await other.configuration.current()).triggers == {}
        await store.configuration.triggers.put(NAME, a_trigger())
        assert set((await other.configuration.current()).triggers) == {NAME}
        await store.configuration.triggers.put(NAME, a_trigger(enabled=False))
        assert not (await other.configuration.current()).triggers[NAME].enabled
    finally:
        other.close()


async def test_the_next_batch_decides_by_the_new_version(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event("ord-1"))
    await pipeline.configure(delay="PT3H")
    await pipeline.store.configuration.surveys.put(NAME, a_survey(name="Renamed"))
    await pipeline.handle(an_event("ord-2"))
    assert (await pipeline.decision("ord-1")).trigger_version == 1
    assert (await pipeline.decision("ord-2")).trigger_version == 2
    versions = {row.event.id: row.survey_version for row in await pipeline.invitations() if row.event}
    assert versions == {"ord-1": 1, "ord-2": 2}


async def test_a_version_that_was_read_is_kept_and_a_missing_one_is_not(store: Store) -> None:
    assert await store.configuration.survey(NAME, 1) is None
    await store.configuration.surveys.put(NAME, a_survey())
    found = await store.configuration.survey(NAME, 1)
    assert found is not None
    assert await store.configuration.survey(NAME, 1) is found
    assert await store.configuration.survey(NAME, 2) is None


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({PauseScope.CHANNEL: "email"}, "channel:email"),
        ({PauseScope.CHANNEL: "sms"}, None),
        ({PauseScope.CHANNEL: "sms", PauseScope.TRIGGER: NAME}, f"trigger:{NAME}"),
        ({PauseScope.TRIGGER: None, PauseScope.TOUCHPOINT: None}, None),
    ],
)
async def test_a_pause_is_over_what_it_names(
    store: Store, targets: dict[PauseScope, str | None], expected: str | None
) -> None:
    for scope, target in ((PauseScope.CHANNEL, "email"), (PauseScope.TRIGGER, NAME)):
        pause = Pause(id=f"{scope}:{target}", scope=scope, target=target, created_at=store.clock.now())
        await store.configuration.pauses.put(pause)
    assert (await store.configuration.current()).pause_over(targets) == expected
