"""A collection goes in; how many of its rows a second a bare loop from the cursor to orjson makes goes out."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import orjson
import pymongo

from survey_service.reporting.rows import ROW_FIELDS


def main(uri: str, database: str) -> None:
    """The fields, the order and the bytes' way out are those of the export; nothing is shaped, and nobody is served."""
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(uri)
    found = client[database]["responses"].find({}, dict.fromkeys(ROW_FIELDS, 1))
    rows, started = 0, time.perf_counter()
    with Path("/dev/null").open("wb") as out:
        for document in found.sort([("started_at", -1), ("_id", -1)]):
            out.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
            rows += 1
    seconds = time.perf_counter() - started
    client.close()
    print(json.dumps({"rows": rows, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
