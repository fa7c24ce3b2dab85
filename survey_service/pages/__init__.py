"""HTML for people: the survey, the opt-out, the sandbox."""
