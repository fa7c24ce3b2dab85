"""The zero-setup defaults go out of here: a local mongod and the sandbox, for whoever has not set up the real ones."""
