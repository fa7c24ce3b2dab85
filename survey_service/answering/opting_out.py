"""Opting out: a person's word comes in; suppressions go out, and all that waits for that person is cancelled."""

from __future__ import annotations

from survey_service.models.decision import Reason
from survey_service.models.suppression import Suppression, SuppressionReason, SuppressionScope, suppression_id
from survey_service.store.store import Store
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.texts.addresses import email_key
from survey_service.tokens import Keyring, OptOutSubject


class OptingOut:
    """Stops a person on all channels of a brand."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring

    def subject_of(self, token: str) -> OptOutSubject | None:
        """Whom an unsubscribe token speaks for; None for anything that is not one of ours."""
        return self._keyring.read_opt_out_token(token)

    async def opt_out(self, subject: OptOutSubject, reason: SuppressionReason = SuppressionReason.UNSUBSCRIBED) -> None:
        """Suppress the person and each known address under the brand, then cancel what waits. Repeating is harmless.

        The suppressions come first: what is planned after them is stopped by them, what was planned before is
        cancelled here.
        """
        customers = await self._store.customers.get_many([subject.customer])
        silenced = [(SuppressionScope.PERSON, subject.customer)]
        if person := customers.get(subject.customer):
            addresses = (person.profile.email, person.profile.phone)
            silenced += [(SuppressionScope.ADDRESS, email_key(address)) for address in addresses if address]
        await self._store.suppressions.insert(
            [self._suppression(scope, subject.brand, value, reason) for scope, value in silenced]
        )
        whose = {"customer": subject.customer, "brand": subject.brand}
        await withdraw_waiting(self._store.database, whose, Reason.OPTED_OUT)

    def _suppression(self, scope: SuppressionScope, brand: str, subject: str, reason: SuppressionReason) -> Suppression:
        subject_hash = self._keyring.subject_hash(subject)
        return Suppression(
            id=suppression_id(scope, brand, subject_hash),
            scope=scope,
            brand=brand,
            subject_hash=subject_hash,
            reason=reason,
            created_at=self._store.clock.now(),
        )
