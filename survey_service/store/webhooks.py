"""Webhooks as configuration: like any other, but with signing secrets, and the service may switch one off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from survey_service.errors import Conflict, NotFound
from survey_service.models.delivery import Delivery
from survey_service.models.webhook import OffReason, Webhook, WebhookContent, new_secret
from survey_service.store.database import Database, Session
from survey_service.store.registry import Registry
from survey_service.store.revision import raise_revision

Secrets = tuple[str, ...]

MAX_SECRETS = 2


class Webhooks(Registry[Webhook, WebhookContent]):
    """Webhooks by name."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "webhooks", Webhook, WebhookContent)

    def beside(self, content: WebhookContent, present: Webhook | None) -> Mapping[str, Any]:
        """Secrets outlive every PUT; one that is switched on again starts without a blemish."""
        return {
            "secrets": present.secrets if present else (new_secret(),),
            "disabled_reason": None if content.enabled or present is None else present.disabled_reason,
        }

    async def rotate(self, name: str) -> Webhook:
        """A new secret stands first; both sign until one of them is retired.

        Raises:
            NotFound: there is no such webhook.
            Conflict: two secrets sign already.
        """

        def rotated(row: Webhook) -> Secrets:
            if len(row.secrets) == MAX_SECRETS:
                raise Conflict("two secrets sign already; retire one of them first")
            return new_secret(), *row.secrets

        return await self._change_secrets(name, rotated)

    async def retire(self, name: str, *, keep_new: bool) -> Webhook:
        """One of two secrets signs no more; done twice, it is done once.

        Raises:
            NotFound: there is no such webhook.
        """
        kept = slice(0, 1) if keep_new else slice(-1, None)
        return await self._change_secrets(name, lambda row: row.secrets[kept])

    async def switch_off(self, webhook: Webhook, reason: OffReason, letters: Sequence[Delivery]) -> bool:
        """Call it no more, and request the letters that say so; False if it is off, or leads elsewhere by now."""

        async def write(session: Session) -> bool:
            result = await self._collection.update_one(
                {"_id": webhook.id, "enabled": True, "url": webhook.url},
                {
                    "$set": {"enabled": False, "disabled_reason": reason, "updated_at": self._database.clock.now()},
                    "$inc": {"revision": 1},
                },
                session=session,
            )
            if result.matched_count == 0:
                return False
            if letters:
                await self._database["deliveries"].insert_many([row.to_document() for row in letters], session=session)
            await raise_revision(self._database, session)
            return True

        return bool(await self._database.transaction(write))

    async def _change_secrets(self, name: str, change: Callable[[Webhook], Secrets]) -> Webhook:
        async def write(session: Session) -> Webhook:
            document = await self._collection.find_one({"_id": name}, session=session)
            if document is None:
                raise NotFound(f"there is no webhook {name}")
            present = Webhook.from_document(document)
            changed = change(present)
            if changed == present.secrets:
                return present
            counted = {"revision": present.revision + 1, "updated_at": self._database.clock.now()}
            row = present.model_copy(update={**counted, "secrets": changed})
            await self._collection.replace_one({"_id": name}, row.to_document(), session=session)
            await raise_revision(self._database, session)
            return row

        result: Webhook = await self._database.transaction(write)
        return result
