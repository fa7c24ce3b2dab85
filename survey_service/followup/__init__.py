"""Responses come in; rewards, cases and webhooks go out."""
