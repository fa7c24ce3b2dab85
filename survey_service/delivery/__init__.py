"""Invitations come in, messages go out, and the provider's word comes back."""
