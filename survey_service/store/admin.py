"""The address of a server goes in; the few administrative steps that make a lone mongod a usable replica set go out."""

from __future__ import annotations

import asyncio
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from survey_service.errors import Unavailable

_FOUND_WITHIN_MS = 500
_ANSWER_WITHIN_MS = 5_000


async def ensure_single_primary(uri: str, replica_set: str, address: str) -> bool:
    """Take one step towards `address` ("127.0.0.1:27017") being the primary and only member of `replica_set`.

    Call it again until it returns True. A new server is initiated; one that was started on another port than it
    remembers is moved by force, which is safe only because it has no other member.
    Raises Unavailable when the server does not answer, or is not ready for the step.
    """
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        uri, directConnection=True, serverSelectionTimeoutMS=_FOUND_WITHIN_MS, socketTimeoutMS=_ANSWER_WITHIN_MS
    )
    try:
        hello = await client.admin.command("hello")
        if hello.get("me") == address:
            return bool(hello["isWritablePrimary"])
        config = await client.local["system.replset"].find_one()
        if config is None:
            member = {"_id": 0, "host": address}
            await client.admin.command("replSetInitiate", {"_id": replica_set, "members": [member]})
        elif config["members"][0]["host"] != address:
            config["members"][0]["host"] = address
            config["version"] += 1
            await client.admin.command("replSetReconfig", config, force=True)
    except PyMongoError as error:
        raise Unavailable(str(error)) from error
    finally:
        await asyncio.to_thread(client.close)  # it still says goodbye to the server, in blocking calls
    return False
