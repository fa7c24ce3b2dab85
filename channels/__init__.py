"""How a message leaves the house and how its provider reports back; knows nothing of survey_service."""
