"""Incentives for tests: one is stored, answers that were promised it are made, and what came of them is read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from survey_service.followup.granting import Granting
from survey_service.models.brand import BrandContent
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import ChannelName
from survey_service.models.incentive import Incentive, IncentiveContent, Offer, Reward
from survey_service.models.invitation import Invitation
from survey_service.models.response import Response
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells
from tests.support.factories import NOON, make_invitation, make_response
from tests.support.service import SECRET

VOUCHER = "voucher"
SHARED = {"kind": "shared_code", "code": "THANKS"}
TEN_OFF = "10 % off your next order"
EVERYTHING = PageRequest(limit=1000)


def an_incentive(**changes: Any) -> IncentiveContent:
    """Unique codes, one a person, with nothing held."""
    fields = {"name": "Voucher", "kind": "unique_code", "text": {"en": TEN_OFF, "de": "10 % Rabatt"}, "hold": None}
    return IncentiveContent.model_validate(fields | changes)


async def put_incentive(store: Store, name: str = VOUCHER, codes: Sequence[str] = (), **changes: Any) -> Incentive:
    """Store an incentive, and the brand whose day counts; its pool holds `codes`."""
    await store.configuration.brands.put("acme", BrandContent(name="Acme", timezone="Europe/Berlin"))
    row, _ = await store.configuration.incentives.put(name, an_incentive(**changes))
    if codes:
        await store.codes.add(name, codes)
        await store.incentive_states.set_left(row, await store.codes.count_left(name))
    return row


async def promised(store: Store, number: int, **changes: Any) -> Response:
    """A finished answer of the customer `number`, to an invitation that offered the incentive; both are stored."""
    (response,) = await _store_promises(store, [number], changes)
    return response


async def many_promised(store: Store, count: int, **changes: Any) -> list[Response]:
    """So many of them."""
    return await _store_promises(store, range(count), changes)


async def _store_promises(store: Store, numbers: Sequence[int], changes: Mapping[str, Any]) -> list[Response]:
    pairs = [_promise(number, **changes) for number in numbers]
    for name, rows in (("invitations", [pair[0] for pair in pairs]), ("responses", [pair[1] for pair in pairs])):
        await store.database[name].insert_many([row.to_document() for row in rows])
    return [response for _, response in pairs]


def _promise(
    number: int, recipient: CustomerProfile | None = None, customer: str | None = None, **changes: Any
) -> tuple[Invitation, Response]:
    person = {"customer": customer or f"cus_{number}", "customer_ref": f"c-{number}"}
    profile = CustomerProfile(external_id=f"c-{number}", email=f"customer-{number}@example.com")
    invitation = make_invitation(
        f"ord-{number}",
        **person,
        recipient=recipient or profile,
        incentive=Offer(incentive=VOUCHER, name="Voucher", text={"en": TEN_OFF, "de": "10 % Rabatt"}),
        expires_at=NOON + timedelta(days=3650),
    )
    return invitation, make_response(f"ord-{number}", **{"incentive": VOUCHER, **person, **changes})


async def rewards(store: Store, **filters: Any) -> list[Reward]:
    """Every reward, newest first."""
    found = store.database["rewards"].find(filters).sort("created_at", -1)
    return [Reward.from_document(document) async for document in found]


def new_granting(store: Store) -> Granting:
    """As another process has one."""
    return Granting(store, Keyring([SECRET]), Bells(), {ChannelName.EMAIL, ChannelName.SMS})


async def granted_at_once(store: Store, work: Sequence[Callable[[Granting], Awaitable[Reward | None]]]) -> list[Reward]:
    """Do everything at once, in four processes; returns the rewards that came of it."""
    processes = [new_granting(store) for _ in range(4)]
    done = await asyncio.gather(*(each(processes[number % 4]) for number, each in enumerate(work)))
    return [reward for reward in done if reward is not None]


def results(found: Sequence[Reward]) -> Counter[str]:
    """How many rewards there are of each state, or reason against one."""
    return Counter((reward.reason or reward.state).value for reward in found)


async def spent(store: Store, name: str = VOUCHER) -> tuple[int, float]:
    """How many rewards of an incentive were granted, and what they cost."""
    state = (await store.incentive_states.get_many([name]))[name]
    return state.granted, state.mills / 1000
