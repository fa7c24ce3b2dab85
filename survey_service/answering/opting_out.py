"""Opting out, or down: a person's word comes in; suppressions or wishes go out, and what waits is cancelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from survey_service.models.brand import Brand
from survey_service.models.contact import Frequency
from survey_service.models.customer import Customer, address_on, consents
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, DeliveryState
from survey_service.models.suppression import EVERY_BRAND, Suppression, SuppressionReason
from survey_service.store.configuration import Snapshot
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store
from survey_service.store.suppressions import (
    address_hashes,
    address_suppression,
    person_hashes,
    person_suppression,
    stands_against,
)
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.tokens import Keyring, OptOutSubject

_OWN_WORDS = frozenset({SuppressionReason.STOP, SuppressionReason.UNSUBSCRIBED})


class Choice(StrEnum):
    """What a person may ask for on the way out."""

    LESS = "less"  # more time between two surveys
    CHANNEL = "channel"  # the same, but by another kind of message
    NEVER = "never"  # no survey of this brand any more


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands with a brand; `other_channel` is another one than the last message came by."""

    opted_out: bool
    other_channel: ChannelName | None = None


class OptingOut:
    """Stops a person on all channels of a brand, or takes note of what they would rather have."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring

    def subject_of(self, token: str) -> OptOutSubject | None:
        """Whom an unsubscribe token speaks for; None for anything that is not one of ours."""
        return self._keyring.read_opt_out_token(token)

    async def standing(self, subject: OptOutSubject, snapshot: Snapshot) -> Standing:
        """Whether the person is out already, and which other channel could be offered; changes nothing."""
        person = (await self._store.customers.get_many([subject.customer])).get(subject.customer)
        hashes = person_hashes(self._keyring, subject.customer)
        addresses = [person.profile.email, person.profile.phone] if person else []
        of_addresses = [value for address in addresses if address for value in address_hashes(self._keyring, address)]
        found = await self._store.suppressions.standing([*hashes, *of_addresses])
        if stands_against(found, hashes, subject.brand) is not None:
            return Standing(opted_out=True)
        brand = snapshot.brands.get(subject.brand)
        if person is None or brand is None:
            return Standing(opted_out=False)
        usable = [
            channel
            for channel in (ChannelName.EMAIL, ChannelName.SMS)
            if channel in used_channels(snapshot, brand.id) and self._reaches(person, channel, brand, found)
        ]
        return Standing(opted_out=False, other_channel=another_channel(usable, await self._last_channel(subject)))

    async def ask_less(self, subject: OptOutSubject) -> None:
        """Leave more time between two surveys. Repeating is harmless."""
        await self._store.contacts.prefer(subject.customer, frequency=Frequency.LESS)

    async def switch_channel(self, subject: OptOutSubject, channel: ChannelName) -> None:
        """Use this channel first from now on. Repeating is harmless."""
        await self._store.contacts.prefer(subject.customer, channel=channel)

    async def opt_out(self, subject: OptOutSubject, reason: SuppressionReason = SuppressionReason.UNSUBSCRIBED) -> None:
        """Suppress the person and each known address under the brand, then cancel what waits. Repeating is harmless.

        The suppressions come first: what is planned after them is stopped by them, what was planned before is
        cancelled here.
        """
        customers = await self._store.customers.get_many([subject.customer])
        keyring, brand, now = self._keyring, subject.brand, self._store.clock.now()
        silenced = [person_suppression(keyring, subject.customer, brand, reason, now)]
        if person := customers.get(subject.customer):
            addresses = (person.profile.email, person.profile.phone)
            silenced += [address_suppression(keyring, address, brand, reason, now) for address in addresses if address]
        await self._store.suppressions.insert(silenced)
        whose = {"customer": subject.customer, **({} if brand == EVERY_BRAND else {"brand": brand})}
        await withdraw_waiting(self._store.database, whose, Reason.OPTED_OUT)

    async def stop_number(self, number: str, customers: Collection[str], brand: str) -> None:
        """Obey a STOP from a number: silence it, and everybody of `customers` on all channels; `brand` may be `*`.

        Repeating is harmless.
        """
        reason, now = SuppressionReason.STOP, self._store.clock.now()
        await self._store.suppressions.insert([address_suppression(self._keyring, number, brand, reason, now)])
        for customer in customers:
            await self.opt_out(OptOutSubject(brand, customer), reason)

    async def is_stopped(self, number: str, customers: Collection[str], brand: str | None) -> bool:
        """Whether the word of a person, which they may take back, stands against the number or one of `customers`."""
        return bool(await self._own_words(number, customers, brand))

    async def start_number(self, number: str, customers: Collection[str], brand: str | None) -> None:
        """Obey a START from a number: take back what the person's own word silenced, and nothing else.

        That holds under `brand` and under all brands at once; None: whatever brand it was. Repeating is harmless.
        """
        for row in await self._own_words(number, customers, brand):
            await self._store.suppressions.delete(row.id)

    async def _own_words(self, number: str, customers: Collection[str], brand: str | None) -> list[Suppression]:
        """What a person's own word silenced: the number, the people, and their addresses, which a STOP silences too."""
        people = await self._store.customers.get_many(list(customers))
        addresses = {number} | {
            address for person in people.values() for address in (person.profile.email, person.profile.phone) if address
        }
        hashes = [value for address in addresses for value in address_hashes(self._keyring, address)]
        hashes += [value for customer in customers for value in person_hashes(self._keyring, customer)]
        standing = await self._store.suppressions.standing(hashes)
        return [
            row
            for row in standing.values()
            if row.reason in _OWN_WORDS and (brand is None or row.brand in {brand, EVERY_BRAND})
        ]

    def _reaches(
        self, person: Customer, channel: ChannelName, brand: Brand, found: Mapping[tuple[str, str], Suppression]
    ) -> bool:
        address = address_on(channel, person.profile)
        if not address or not consents(channel, person.profile, brand):
            return False
        return stands_against(found, address_hashes(self._keyring, address), brand.id) is None

    async def _last_channel(self, subject: OptOutSubject) -> ChannelName | None:
        whose = {"customer": subject.customer, "brand": subject.brand, "state": DeliveryState.SENT.value}
        newest = (await self._store.deliveries.page(whose, PageRequest(limit=1))).rows
        return newest[0].channel if newest else None


def used_channels(snapshot: Snapshot, brand: str) -> set[ChannelName]:
    """The channels on which any enabled trigger asks in the name of the brand."""
    surveys = {name for name, survey in snapshot.surveys.items() if survey.brand == brand}
    return {
        channel
        for trigger in snapshot.triggers.values()
        if trigger.enabled and trigger.survey in surveys
        for channel in trigger.channels
    }


def another_channel(usable: Collection[ChannelName], last: ChannelName | None) -> ChannelName | None:
    """The usable channel that is not the last one; email is taken for the last one where nothing was sent yet."""
    return next((channel for channel in usable if channel is not (last or ChannelName.EMAIL)), None)
