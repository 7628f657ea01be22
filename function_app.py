"""The Azure Functions app: SSAK8_SERVICES says which services this deployment is."""

import azure.functions as func

from functions import (
    customer,
    customer_view,
    health,
    kakao,
    me,
    openapi,
    registration,
    sandbox,
    unmatched,
    warm_up,
)
from shared.settings import Service, settings
from shared.wiring import opening

BLUEPRINTS = {
    Service.CUSTOMER: (customer.blueprint, registration.blueprint),
    Service.KAKAO: (kakao.blueprint,),
    Service.CUSTOMERVIEW: (customer_view.blueprint, me.blueprint),
}

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
unmatched_for = unmatched.blueprint_for
blueprints = [health.blueprint, openapi.blueprint, warm_up.blueprint]
blueprints += [blueprint for name in sorted(settings().ssak8_services) for blueprint in BLUEPRINTS.get(name, ())]
if Service.WEB in settings().ssak8_services:
    # Only here: the other apps need neither templates nor what signs people in, and start sooner without.
    from functions import privacy, web, web_operators, web_sign_in, web_unmatched
    from web.wiring import open_at_start

    open_at_start()
    blueprints += [privacy.blueprint, web.blueprint, web_sign_in.blueprint, web_operators.blueprint]
    unmatched_for = web_unmatched.blueprint_for
if Service.KAKAO in settings().ssak8_services and settings().sandbox_changeable:
    blueprints.append(sandbox.blueprint)
for blueprint in [*blueprints, unmatched_for(blueprints)]:
    app.register_functions(blueprint)

# The worker imports this module on its event loop. Whatever calls first finds everything open, or being opened.
opening.open_at_start()
