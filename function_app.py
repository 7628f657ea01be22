"""The Azure Functions app: SSAK8_SERVICES says which services this deployment is."""

import azure.functions as func

from functions import customer, customer_view, health, kakao, openapi
from shared.settings import Service, settings

BLUEPRINTS = {
    Service.CUSTOMER: customer.blueprint,
    Service.KAKAO: kakao.blueprint,
    Service.CUSTOMERVIEW: customer_view.blueprint,
}

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(health.blueprint)
app.register_functions(openapi.blueprint)
for service in sorted(settings().ssak8_services):
    app.register_functions(BLUEPRINTS[service])
