"""Who looks at the dashboard: a request comes in; the viewer, and what they may see, goes out; and their cookie.

The cookie says who and until when, signed: nothing is stored for it but that it was signed out. That, and whether the
person still works here or the key still stands, is looked up with every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from survey_service.models.api_key import ApiKey, Scope
from survey_service.models.person import Person
from survey_service.pages.callers import is_open
from survey_service.pages.responses import CONFIGURATION_AGE, browser_language
from survey_service.parts import PARTS, Parts
from survey_service.texts.locales import choose_language
from survey_service.texts.words import LANGUAGES
from survey_service.tokens import SessionSubject, token_hash

COOKIE = "dashboard"
COOKIE_PATH = "/dashboard"
LASTS = timedelta(hours=12)
NEEDED = frozenset({Scope.METRICS_READ, Scope.RESPONSES_READ})  # of a key that signs in


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks; `touchpoints` are those that they may see, None: all of them, and what has none.

    `sees_cases` is whether cases are theirs to read, `sees_customers` the pages of single customers. `writes_as` is
    the name that their notes there carry, None: they may not write any. A person sees what `OF_A_PERSON` says.
    """

    name: str
    language: str
    timezone: str | None = None
    touchpoints: frozenset[str] | None = None
    sees_cases: bool = False
    sees_customers: bool = False
    writes_as: str | None = None
    is_sandbox: bool = False


async def find_viewer(request: web.Request) -> Viewer | None:
    """Who is signed in; in the sandbox, on this machine, whoever comes. None: nobody."""
    found = await find_signed_in(request)
    if isinstance(found, Person):
        return _of_person(found)
    if found is not None:
        return _of_key(found, browser_language(request))
    return _of_sandbox(browser_language(request)) if is_open(request) else None


async def find_signed_in(request: web.Request) -> Person | ApiKey | None:
    """Whom the cookie names, as they are now; None: nobody, or nobody who may still look."""
    parts, session = request.app[PARTS], _session_of(request)
    if session is None or await parts.store.counters.is_taken(_signed_out(request)):
        return None
    if session.kind == "person":
        return await find_person(parts, session.id, session.mark)
    key = await parts.store.api_keys.get(session.id)
    return key if key is not None and may_sign_in(key) else None


async def find_person(parts: Parts, name: str, mark: str) -> Person | None:
    """The person of a link or a session, who works here and has the address of then; else None."""
    person = (await parts.store.configuration.current(CONFIGURATION_AGE)).people.get(name)
    is_the_same = person is not None and person.active and parts.keyring.is_marked(person.email or "", mark)
    return person if is_the_same else None


def may_sign_in(key: ApiKey) -> bool:
    """Whether a key may read what the dashboard shows."""
    return set(key.scopes) >= NEEDED


def sign_in(parts: Parts, response: web.Response, session: SessionSubject) -> None:
    """Give the cookie."""
    response.set_cookie(
        COOKIE,
        parts.keyring.session_token(session),
        max_age=int(LASTS.total_seconds()),
        path=COOKIE_PATH,
        httponly=True,
        # Not Strict: the links in our people's mails lead here from another site.
        samesite="Lax",
        secure=parts.base_url.startswith("https://"),
    )


async def sign_out(request: web.Request, response: web.Response) -> None:
    """Take the cookie away, and end what it stands for: a copy of it opens nothing."""
    if (session := _session_of(request)) is not None:
        await request.app[PARTS].store.counters.take(_signed_out(request), 1, 1, session.until)
    response.del_cookie(COOKIE, path=COOKIE_PATH)


def _session_of(request: web.Request) -> SessionSubject | None:
    """What the cookie says, if it is ours and its time is not over."""
    parts, token = request.app[PARTS], request.cookies.get(COOKIE)
    session = parts.keyring.read_session_token(token) if token else None
    return session if session is not None and parts.clock.now() < session.until else None


def _signed_out(request: web.Request) -> str:
    """The counter that says that this cookie was signed out."""
    return f"signed-out:{token_hash(request.cookies.get(COOKIE, ''))}"


def _of_sandbox(language: str) -> Viewer:
    return Viewer("", language, sees_cases=True, sees_customers=True, writes_as="sandbox", is_sandbox=True)


def _of_person(person: Person) -> Viewer:
    return Viewer(
        name=person.name,
        language=choose_language([person.language], LANGUAGES, "en"),
        timezone=person.timezone,
        touchpoints=frozenset(person.touchpoints) or None,
        sees_cases=True,
        sees_customers=True,
        writes_as=person.id,
    )


def _of_key(key: ApiKey, language: str) -> Viewer:
    sees_customers = Scope.CUSTOMERS_READ in key.scopes
    writes_as = f"api:{key.name}" if sees_customers and Scope.CUSTOMERS_WRITE in key.scopes else None
    return Viewer(
        name=key.name,
        language=language,
        sees_cases=Scope.CASES_READ in key.scopes,
        sees_customers=sees_customers,
        writes_as=writes_as,
    )
