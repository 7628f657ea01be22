"""The privacy policy (개인정보 처리방침): for everybody, whether they have signed in or not."""

import azure.functions as func

from shared import wiring
from shared.domain.identifiers import utc_now
from shared.http.edge import http_function
from shared.http.policies import FOR_AN_HOUR, UNTIL_ASKED, policy_response

blueprint = func.Blueprint()


@blueprint.function_name("get-privacy-policy")
@blueprint.route("privacy", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_policy_in_effect(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /privacy: the version that is in effect in Korea."""
    policy = wiring.privacy_policy()
    return policy_response(request, wiring.base_url(request), policy, policy.in_effect(utc_now()), UNTIL_ASKED)


@blueprint.function_name("get-privacy-policy-version")
@blueprint.route("privacy/{version}", methods=["GET", "HEAD"], trigger_arg_name="request")
@http_function
async def get_policy_version(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /privacy/{version}: the version of that day, whether it is in effect or not."""
    version = request.route_params["version"]
    return policy_response(request, wiring.base_url(request), wiring.privacy_policy(), version, FOR_AN_HOUR)
