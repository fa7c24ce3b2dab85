"""Asks customers how it went, on the channel they read, and says why it stayed silent."""

__version__ = "0.1.0"
