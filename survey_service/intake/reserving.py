"""Moved to `work.reserving`."""

from survey_service.work.reserving import Answer, Granted, Reserving, Wish, place

__all__ = ["Answer", "Granted", "Reserving", "Wish", "place"]
