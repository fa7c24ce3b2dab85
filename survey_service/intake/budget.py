"""Moved to `work.budget`."""

from survey_service.work.budget import SAME_TEXT, Refusal, Rules, check_budget

__all__ = ["SAME_TEXT", "Refusal", "Rules", "check_budget"]
