"""Content checks: configuration in the right shape comes in; every rule that it still breaks is raised at once."""

from survey_service.api.checks.anonymity import check_anonymity, check_use_of_anonymous
from survey_service.api.checks.fields import check_resource_id, check_touchpoint_id
from survey_service.api.checks.follow_ups import check_follow_up
from survey_service.api.checks.incentives import check_incentive
from survey_service.api.checks.links import check_link, check_link_id
from survey_service.api.checks.people import check_person, check_person_id
from survey_service.api.checks.schedules import check_contact_policy
from survey_service.api.checks.surveys import check_survey
from survey_service.api.checks.topics import check_topic
from survey_service.api.checks.triggers import check_channel, check_trigger
from survey_service.api.checks.webhooks import check_webhook
from survey_service.api.checks.who_and_where import check_brand, check_touchpoint

__all__ = [
    "check_anonymity",
    "check_brand",
    "check_channel",
    "check_contact_policy",
    "check_follow_up",
    "check_incentive",
    "check_link",
    "check_link_id",
    "check_person",
    "check_person_id",
    "check_resource_id",
    "check_survey",
    "check_topic",
    "check_touchpoint",
    "check_touchpoint_id",
    "check_trigger",
    "check_use_of_anonymous",
    "check_webhook",
]
