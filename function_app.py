"""The Azure Functions app: SSAK8_SERVICES says which services this deployment is."""

import azure.functions as func

from functions import (
    customer,
    customer_view,
    health,
    kakao,
    me,
    openapi,
    privacy,
    registration,
    sandbox,
    unmatched,
    warm_up,
)
from shared import wiring
from shared.settings import Service, settings

BLUEPRINTS = {
    Service.CUSTOMER: (customer.blueprint, privacy.blueprint, registration.blueprint),
    Service.KAKAO: (kakao.blueprint,),
    Service.CUSTOMERVIEW: (customer_view.blueprint, me.blueprint),
}

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
blueprints = [health.blueprint, openapi.blueprint, warm_up.blueprint]
blueprints += [blueprint for name in sorted(settings().ssak8_services) for blueprint in BLUEPRINTS[name]]
if Service.KAKAO in settings().ssak8_services and settings().sandbox_changeable:
    blueprints.append(sandbox.blueprint)
for blueprint in [*blueprints, unmatched.blueprint_for(blueprints)]:
    app.register_functions(blueprint)

# The worker imports this module on its event loop. Whatever calls first finds everything open, or being opened.
wiring.open_at_start()
