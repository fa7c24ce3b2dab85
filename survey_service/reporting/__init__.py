"""Responses come in; rows, metrics and exports go out."""
