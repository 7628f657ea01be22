# register-app for PowerShell, which says more: creates the app registration of an environment, unless it exists, and
# prints its client id.
#
#   $env:AUTH_CLIENT_ID = infra/bicep/register-app.ps1 dev
param([string] $Environment)
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot/invoke-az.ps1"

if (-not $Environment) { throw 'Which environment? infra/bicep/register-app.ps1 dev' }
if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    throw 'This needs the Azure CLI (az), which is not installed: https://learn.microsoft.com/cli/azure/install-azure-cli'
}
try { Invoke-Az account show | Out-Null } catch { throw 'You are not signed in to the Azure CLI: run az login' }

$name = "ssak8-$Environment"
$id = ''
$apps = Invoke-Az ad app list --display-name $name
foreach ($app in $apps) {
    # The list has every name that begins like this.
    if ($app.displayName -eq $name) { $id = $app.appId }
}
if (-not $id) {
    $app = Invoke-Az ad app create --display-name $name --sign-in-audience AzureADMyOrg
    $id = $app.appId
}

# What operators need: register-app says why.
$roles, $scope, $azureCli = 'roles', 'scope', 'azure-cli' | ForEach-Object { "@$PSScriptRoot/entra/$_.json" }
$app = Invoke-Az ad app show --id $id
$application = "https://graph.microsoft.com/v1.0/applications/$($app.id)"
if ($app.appRoles.value -notcontains 'Operator') {
    Invoke-Az ad app update --id $id --app-roles $roles | Out-Null
}
if ($app.api.oauth2PermissionScopes.value -notcontains 'call') {
    Invoke-Az rest --method patch --uri $application --body $scope | Out-Null
}
if ($app.api.preAuthorizedApplications.appId -notcontains '04b07795-8ddb-461a-bbee-02f9e1bf7b46') {
    Invoke-Az rest --method patch --uri $application --body $azureCli | Out-Null
}

# Version 2 tokens: their audience is the client id, and their issuer is the one that the apps expect.
Invoke-Az ad app update --id $id --requested-access-token-version 2 | Out-Null

# Tokens are issued for the service principal: the application in this tenant.
$principals = Invoke-Az ad sp list --filter "appId eq '$id'"
if (-not $principals) { Invoke-Az ad sp create --id $id | Out-Null }

$id
