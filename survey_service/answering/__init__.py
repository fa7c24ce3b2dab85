"""What a customer says comes in, responses go out."""
