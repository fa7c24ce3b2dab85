"""The smallest configuration that something can be asked with: a brand and its survey."""

from __future__ import annotations

from survey_service.models.brand import BrandContent
from survey_service.models.survey import SurveyContent
from survey_service.store.store import Store

SURVEY = "after-delivery"
BRAND = "acme"


async def put_survey(store: Store) -> None:
    """Store the brand `acme` and its survey `after-delivery`, one question from 0 to 10."""
    await store.configuration.brands.put(BRAND, BrandContent(name="Acme"))
    question = {"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}}
    content = {"name": "After delivery", "brand": BRAND, "primary": "nps", "questions": [question]}
    await store.configuration.surveys.put(SURVEY, SurveyContent.model_validate(content))
