"""`/v1/contact-policy`: how often a person may be asked at all, in and out."""

from __future__ import annotations

from survey_service.api.checks import check_contact_policy
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.shapes.configuration import ContactPolicyView
from survey_service.models.api_key import Scope
from survey_service.models.contact_policy import POLICY_ID, ContactPolicy, ContactPolicyContent


@endpoint("GET", "/v1/contact-policy", tag="triggers", scope=Scope.CONFIG_READ, answers={200: ContactPolicyView})
async def get_contact_policy(call: Call) -> Reply:
    """Read the contact policy; before one is stored, the service's own."""
    row = await call.parts.store.configuration.policies.get(POLICY_ID) or ContactPolicy(id=POLICY_ID, revision=0)
    return Reply(ContactPolicyView.of(row), etag=row.revision)


@endpoint("PUT", "/v1/contact-policy", tag="triggers", scope=Scope.CONFIG_WRITE, answers={200: ContactPolicyView})
async def put_contact_policy(call: Call, body: ContactPolicyContent) -> Reply:
    """Replace the contact policy; it holds for every decision from the next batch on."""
    check_contact_policy(body)
    row, _ = await call.parts.store.configuration.policies.put(POLICY_ID, body, call.expected_version())
    return Reply(ContactPolicyView.of(row), etag=row.revision)


ENDPOINTS = (get_contact_policy, put_contact_policy)
