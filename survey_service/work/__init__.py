"""What every worker shares: the claim loop, its bell, and the retry schedule."""
