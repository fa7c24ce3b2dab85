"""Keys that a start brings along: long enough, never back from the dead, and the demo's own in the demo alone."""

from __future__ import annotations

import pytest

from survey_service.cli.demo import DEMO_KEY
from survey_service.errors import ConfigurationError
from survey_service.models.api_key import Scope
from survey_service.settings import read_settings
from survey_service.store.api_keys import ApiKeys
from survey_service.store.store import Store
from survey_service.wiring import open_service

FIRST = "a-first-key-of-all-scopes"


async def start(mongodb_uri: str, database: str, key: str) -> None:
    environ = {"SURVEY_MONGODB_URI": mongodb_uri, "SURVEY_SECRET": "0123456789abcdef", "SURVEY_API_KEY": key}
    async with open_service(read_settings(environ), database=database) as service:
        assert await service.parts.store.api_keys.find(key)


async def test_a_first_key_that_was_revoked_stays_so_and_refuses_the_start(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    await start(mongodb_uri, database_name, FIRST)
    await start(mongodb_uri, database_name, FIRST)
    (key,) = await store.api_keys.all()
    revoked_at = await store.api_keys.revoke(key.id)
    with pytest.raises(ConfigurationError, match=r"SURVEY_API_KEY .*revoked.* unset it"):
        await start(mongodb_uri, database_name, FIRST)
    (key,) = await store.api_keys.all()
    assert key.revoked_at == revoked_at
    assert await store.api_keys.find(FIRST) is None


async def test_a_first_key_that_could_be_guessed_refuses_the_start(mongodb_uri: str, database_name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"SURVEY_API_KEY.* 16 characters"):
        await start(mongodb_uri, database_name, "fifteen letters")


async def test_a_key_of_one_process_opens_no_other_one_nor_does_one_that_an_earlier_demo_left(store: Store) -> None:
    keys, others = store.api_keys, ApiKeys(store.database)
    keys.accept_here("demo", list(Scope), DEMO_KEY)
    accepted = await keys.find(DEMO_KEY)
    assert accepted
    assert await keys.get(accepted.id) == accepted
    assert await keys.all() == []
    assert await others.find(DEMO_KEY) is None
    await store.database["api_keys"].insert_one(accepted.to_document())
    assert await others.find(DEMO_KEY) is None
