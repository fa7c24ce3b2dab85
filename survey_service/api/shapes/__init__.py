"""Request and response shapes: what comes in is strict and closed, what goes out is documented."""
