"""The stored nouns, one a file, with their transition tables."""
