#!/bin/sh
# azd runs this before it provisions (azure.yaml), on Linux and macOS. On Windows it runs preprovision.ps1.
#
# It sets what Bicep cannot find out: the app registration (docs/decisions/0010-who-may-call-an-app.md), and the start of
# the budget. An existing budget accepts no other start, a new one must not start in a past month, and `azd down` deletes
# it; so it is read each time. It needs the Azure CLI, signed in with `az login`.
set -eu

group=rg-$AZURE_ENV_NAME
# azd may have another subscription than the CLI, which replaces {subscriptionId} by its own.
subscription=${AZURE_SUBSCRIPTION_ID:-}
# refusals.bicep refuses this too, but only after the registration is made.
access=$(infra/bicep/limited azd env get-value ACCESS 2>/dev/null) || access=customers
if [ "$access" != open ] && ! infra/bicep/limited azd env get-value SESSION_PUBLIC_KEYS >/dev/null 2>&1; then
    echo 'SESSION_PUBLIC_KEYS is not set, without which no customer can be recognised. Make a key:' >&2
    echo '  azd env set SESSION_PUBLIC_KEYS "$(.venv/bin/python -m tools.sessions keys FILE)"' >&2
    echo 'Or let everybody call, where no real customers are: azd env set ACCESS open' >&2
    exit 1
fi

if [ "$access" != open ] && ! infra/bicep/limited azd env get-value KAKAO_LOGIN_CLIENT_ID >/dev/null 2>&1; then
    echo 'KAKAO_LOGIN_CLIENT_ID is not set, without which nobody can sign in to my page. It is the REST API key of your app' >&2
    echo 'at Kakao Developers (docs/kakao-login.md): azd env set KAKAO_LOGIN_CLIENT_ID KEY' >&2
    echo 'Or let everybody call, where no real customers are: azd env set ACCESS open' >&2
    exit 1
fi
my_page=true
[ "$access" != open ] || my_page=false

# A value of another environment may be exported: only azd knows that of this one.
client_id=$(infra/bicep/limited azd env get-value AUTH_CLIENT_ID 2>/dev/null) || client_id=$(infra/bicep/register-app "$AZURE_ENV_NAME")

start_date=
exists=$(infra/bicep/limited az group exists --name "$group" ${subscription:+--subscription "$subscription"})
if [ "$exists" = true ]; then
    scope="/subscriptions/${subscription:-"{subscriptionId}"}/resourceGroups/$group"
    start_date=$(
        infra/bicep/limited az rest --method get --uri "$scope/providers/Microsoft.Consumption/budgets?api-version=2026-06-01" \
            --query "value[?starts_with(name, 'budget-')].properties.timePeriod.startDate | [0]" --output tsv
    )
    start_date=${start_date%%T*} # without the time
fi

infra/bicep/limited azd env set MY_PAGE "$my_page"
infra/bicep/limited azd env set AUTH_CLIENT_ID "$client_id"
infra/bicep/limited azd env set BUDGET_START_DATE "${start_date:-$(date -u +%Y-%m-01)}"
