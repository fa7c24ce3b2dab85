"""The connection: one client with majority writes, the database's clock, and readiness."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog
from bson.codec_options import CodecOptions
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo.errors import ConfigurationError as DriverConfigurationError
from pymongo.errors import InvalidURI, OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from survey_service.clock import Clock
from survey_service.errors import ConfigurationError, Unavailable
from survey_service.store.indexes import ensure_indexes

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession

DEFAULT_DATABASE = "surveys"
_TIMELY = 3.0  # seconds from the first stamp of a transaction to its commit: below the five of readers of changes
# A commit whose answer is lost is sent again after the socket's time-out: what it stamped must be gone by then. A
# server looks after half of a transaction's lifetime once more.
_LONGEST_LIFETIME = 15.0

log = structlog.get_logger()


class Database:
    """A handle on one MongoDB database; every write waits for the majority and the journal."""

    def __init__(self, uri: str, clock: Clock, name: str | None = None) -> None:
        """Parse the address; nothing is connected yet.

        Raises:
            ConfigurationError: the address cannot be read.
        """
        try:
            in_uri = parse_uri(uri)["database"]
            self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
                uri,
                tz_aware=True,
                w="majority",
                journal=True,
                wTimeoutMS=3_000,  # with the time in a queue below the five seconds that readers of changes stay behind
                serverSelectionTimeoutMS=3_000,
                connectTimeoutMS=3_000,
                socketTimeoutMS=30_000,
                maxPoolSize=64,
                appname="survey-service",
            )
        except (InvalidURI, DriverConfigurationError, ValueError) as error:
            raise ConfigurationError(f"SURVEY_MONGODB_URI cannot be used: {error}") from error
        self.clock = clock
        self._database: AsyncIOMotorDatabase[Document] = self._client.get_database(
            name or in_uri or DEFAULT_DATABASE, codec_options=CodecOptions(tz_aware=True)
        )
        self._indexed = False

    def __getitem__(self, collection: str) -> Collection:
        return self._database[collection]

    async def prepare(self) -> None:
        """Take over the database's time, check that it is a replica set, make the indexes.

        Raises:
            ConfigurationError: a standalone server, which has neither transactions nor majority writes.
        """
        hello = await self.synchronise_clock()
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise ConfigurationError(
                "the MongoDB server is a standalone; the service needs a replica set (one node is enough: "
                "start mongod with --replSet rs0 and run rs.initiate())"
            )
        await self._check_lifetime()
        await ensure_indexes(self._database)
        self._indexed = True

    async def _check_lifetime(self) -> None:
        """Warn where the server lets transactions live too long, if it says how long."""
        name = "transactionLifetimeLimitSeconds"
        try:
            seconds = (await self._client.admin.command({"getParameter": 1, name: 1}))[name]
        except OperationFailure:
            return  # not ours to ask, or a router's cluster
        if seconds > _LONGEST_LIFETIME:
            log.warning("database.long_transactions", parameter=name, seconds=seconds, at_most=_LONGEST_LIFETIME)

    async def synchronise_clock(self) -> Document:
        """Ask the server for its time; returns the whole `hello` answer."""
        asked_at = time.monotonic()
        hello: Document = await self._client.admin.command("hello")
        self.clock.synchronise(hello["localTime"], asked_at, time.monotonic())
        return hello

    async def check_ready(self) -> None:
        """Return when a primary answers and the indexes exist.

        Raises:
            Unavailable: not ready, with what is missing.
            PyMongoError: no server answers.
        """
        if not self._indexed:
            raise Unavailable("the indexes are not ready yet")
        hello: Document = await self._client.admin.command("hello")
        if not hello.get("isWritablePrimary"):
            raise Unavailable("the database has no primary")

    async def transaction(self, work: Any, within: float | None = None, *, may_last: bool = False) -> Any:
        """Run `await work(session)` in a transaction, again after a conflict, as the driver's own rules say.

        Its rows are seen with the commit: one that comes too late for readers of changes is begun anew, with new
        stamps, unless it `may_last`, since it has too much to do.

        Raises:
            Unavailable: it did not come to an end `within` so many seconds; whether it holds is not known.
        """

        async def timely(session: Session) -> Any:
            began = time.monotonic()
            result = await work(session)
            if not may_last and time.monotonic() - began > _TIMELY:
                raise PyMongoError("the transaction took too long", error_labels=["TransientTransactionError"])
            return result

        try:
            async with asyncio.timeout(within), await self._client.start_session() as session:
                return await session.with_transaction(timely)
        except TimeoutError:
            raise Unavailable("the database did not end a transaction in time") from None

    async def drop(self) -> None:
        """Delete everything; for tests and `demo --fresh`."""
        await self._client.drop_database(self._database.name)

    def close(self) -> None:
        """Let go of every connection."""
        self._client.close()
