"""Occasions: an invitation or a public link comes in; what its response is called and keeps goes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from survey_service.models.delivery import ChannelName
from survey_service.models.ids import hashed_id, response_id
from survey_service.models.invitation import Invitation
from survey_service.models.link import Link
from survey_service.models.touchpoint import Touchpoint
from survey_service.rules.variables import variables_of


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is answered.

    `response` is the id of the one response it can have, `facts` the fields by which that response tells where it
    came from, `variables` what conditions see of it, `phone` where the customer can be called if that is known.
    """

    response: str
    language: str
    channel: ChannelName
    facts: Mapping[str, Any]
    variables: Mapping[str, object]
    phone: str | None = None


class _Variables(Mapping[str, object]):
    """What conditions see of an invitation, made once one of them looks: most pages ask without a condition."""

    def __init__(self, invitation: Invitation) -> None:
        self._invitation = invitation

    def __getitem__(self, name: str) -> object:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @cached_property
    def _made(self) -> Mapping[str, object]:
        return variables_of(self._invitation)


def occasion_of(invitation: Invitation) -> Occasion:
    """An invitation is answered once."""
    return Occasion(
        response=response_id(invitation.id),
        language=invitation.language,
        channel=invitation.channels[0],
        facts={
            "trigger": invitation.trigger,
            "trigger_version": invitation.trigger_version,
            "variant": invitation.variant,
            "event": invitation.event,
            "invitation": invitation.id,
            "customer": invitation.customer,
            "customer_ref": invitation.customer_ref,
            "touchpoint": invitation.touchpoint,
            "incentive": invitation.incentive.incentive if invitation.incentive else None,
            "dimensions": invitation.dimensions,
        },
        variables=_Variables(invitation),
        phone=invitation.recipient.phone,
    )


def link_occasion(link: Link, sheet: str, language: str, dimensions: Iterable[str] = ()) -> Occasion:
    """A public link is answered once a form; `sheet` names the form that was handed out.

    Nothing is known that the survey's `dimensions` could be taken from: each is there, and has no value.
    """
    return Occasion(
        response=hashed_id("rsp", "link", link.id, sheet),
        language=language,
        channel=ChannelName.WEB,
        facts={"link": link.id, "touchpoint": link.touchpoint, "dimensions": dict.fromkeys(dimensions)},
        variables=variables_of(None),
    )


def place_of(link: Link, touchpoint: Touchpoint | None) -> tuple[str, str]:
    """The touchpoint of a link: its id, and its name where it is registered."""
    return link.touchpoint, touchpoint.name if touchpoint else link.touchpoint
