"""Events come in, decisions and invitations go out."""
