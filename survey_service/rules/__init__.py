"""Conditions: CEL text comes in, a compiled rule that holds or does not hold for an event goes out."""

from survey_service.rules.cel import (
    MAX_RULE_LENGTH,
    Rule,
    RuleFailed,
    RuleInvalid,
    RuleScope,
    cel_value,
    compile_rule,
)

__all__ = [
    "MAX_RULE_LENGTH",
    "Rule",
    "RuleFailed",
    "RuleInvalid",
    "RuleScope",
    "cel_value",
    "compile_rule",
]
