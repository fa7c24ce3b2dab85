"""An erasure: somebody asked to be forgotten, and how far that came."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Claimable, Noun


class ErasureState(StrEnum):
    """How far an erasure came; each step may be repeated after a crash."""

    REQUESTED = "requested"  # acknowledged
    SILENCED = "silenced"  # nothing more is sent to the person; what they are known by is written down
    DONE = "done"  # nothing of the person is left; final


class Traces(Noun):
    """What a person is known by, from before anything is taken away; gone once the erasure is done."""

    keys: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()  # that they were ever known by, or written to at

    @property
    def phones(self) -> tuple[str, ...]:
        """The numbers that are this person's and nobody else's."""
        return tuple(key.removeprefix("phone:") for key in self.keys if key.startswith("phone:"))

    def joined(self, others: Traces) -> Traces:
        """What either knows."""
        return Traces(
            keys=tuple(dict.fromkeys((*self.keys, *others.keys))),
            addresses=tuple(dict.fromkeys((*self.addresses, *others.addresses))),
        )


def traces_of(about: str) -> Traces:
    """What is known of somebody who is no customer: the address that is to be forgotten, if it is one. Pure."""
    kind, _, address = about.partition(":")
    return Traces(keys=(about,), addresses=(address,)) if kind in {"email", "phone"} else Traces()


class Erasure(Claimable):
    """`customer`, `about` and `traces` are what is still to be forgotten: None and empty once it is done.

    `about` is what no customer owns: an address (`email:…`, `phone:…`) or an answer (`response:…`).
    """

    state: ErasureState = ErasureState.REQUESTED
    customer: str | None = None
    about: str | None = None
    traces: Traces = Traces()
    by: str  # the API key that asked, by id, or the command `erase-again`
    requested_at: datetime
    done_at: datetime | None = None
