"""The privacy policy (개인정보 처리방침): for everybody, whether they have signed in or not.

A browser gets a page, and whoever asks for no HTML the text in Markdown.
"""

import azure.functions as func

from shared.domain.identifiers import utc_now
from shared.http.edge import http_function
from shared.http.policies import FOR_AN_HOUR, UNTIL_ASKED, policy_response
from shared.wiring import interface
from web.pages.privacy import show_policy
from web.visit import Answer, Visit
from web.wiring import edge

blueprint = func.Blueprint()


@edge.page()
async def show_policy_page(visit: Visit) -> Answer:
    """The version of the path, or the one in effect."""
    return show_policy(interface.privacy_policy(), visit.request.route_params.get("version"), utc_now())


@http_function
async def get_policy_text(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The same in Markdown."""
    policy, version = interface.privacy_policy(), request.route_params.get("version")
    cached = FOR_AN_HOUR if version else UNTIL_ASKED
    return policy_response(request, interface.base_url(request), policy, version or policy.in_effect(utc_now()), cached)


def _is_for_browser(request: func.HttpRequest) -> bool:
    return "text/html" in str(request.headers.get("accept", "")).lower()


@blueprint.function_name("get-privacy-policy")
@blueprint.route("privacy", methods=["GET", "HEAD"], trigger_arg_name="request")
async def get_policy_in_effect(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /privacy: the version that is in effect in Korea."""
    return await (show_policy_page if _is_for_browser(request) else get_policy_text)(request, context)


@blueprint.function_name("get-privacy-policy-version")
@blueprint.route("privacy/{version}", methods=["GET", "HEAD"], trigger_arg_name="request")
async def get_policy_version(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """GET /privacy/{version}: the version of that day, whether it is in effect or not."""
    return await (show_policy_page if _is_for_browser(request) else get_policy_text)(request, context)
