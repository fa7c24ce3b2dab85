"""MongoDB's ways to fail, in the service's own words."""

from __future__ import annotations

from pymongo import errors as driver

from survey_service.errors import SurveyServiceError, Unavailable

# Conditions that pass by themselves: no primary, a lost connection, a majority that did not answer in time.
_PASSING = (
    driver.ConnectionFailure,
    driver.ExecutionTimeout,
    driver.WriteConcernError,
    driver.WTimeoutError,
    driver.WaitQueueTimeoutError,
)


def as_service_error(error: BaseException) -> SurveyServiceError | None:
    """`Unavailable` for a fault of the database that may pass, None for anything else."""
    if isinstance(error, SurveyServiceError):
        return error
    if isinstance(error, _PASSING):
        return Unavailable("the database does not answer; nothing was acknowledged")
    if isinstance(error, driver.BulkWriteError):
        return (
            Unavailable("the database did not confirm the write") if error.details.get("writeConcernErrors") else None
        )
    if isinstance(error, driver.PyMongoError) and error.has_error_label("RetryableWriteError"):
        return Unavailable("the database is changing its primary")
    if isinstance(error, driver.OperationFailure) and error.code in _NOT_PRIMARY:
        return Unavailable("the database has no primary")
    if isinstance(error, driver.OperationFailure) and error.code in _TRANSACTION_ENDED:
        return Unavailable("the database ended a transaction; nothing of it holds")
    return None


# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml: not primary, shutting down, recovering.
_NOT_PRIMARY = frozenset({91, 189, 10058, 10107, 11600, 11602, 13435, 13436})
# There as well: a write conflict that outlasted every try, no such transaction (any more), and one that took too long.
_TRANSACTION_ENDED = frozenset({112, 251, 290})
