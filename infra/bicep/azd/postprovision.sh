#!/bin/sh
# azd runs this after it has provisioned (azure.yaml), on Linux and macOS. On Windows it runs postprovision.ps1.
#
# My page exists now: Entra ID has to know its address and its identity. Where everybody may call, there is none.
set -eu

address=$(infra/bicep/limited azd env get-value MY_PAGE_URL 2>/dev/null) || address=
principal=$(infra/bicep/limited azd env get-value WEB_PRINCIPAL_ID 2>/dev/null) || principal=
[ -n "$principal" ] || exit 0
infra/bicep/register-my-page "$AZURE_ENV_NAME" "$address" "$principal"
