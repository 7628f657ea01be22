# register-my-page for PowerShell, which says more: lets my page sign operators in at Entra ID, once it is deployed.
#
#   infra/bicep/register-my-page.ps1 dev $MyPageUrl $WebPrincipalId
param([string] $Environment, [string] $Address, [string] $Principal)
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot/invoke-az.ps1"

if (-not ($Environment -and $Address -and $Principal)) {
    throw 'Which environment, address and identity? infra/bicep/register-my-page.ps1 dev MY_PAGE_URL WEB_PRINCIPAL_ID'
}
if (-not $Address.StartsWith('https://')) { throw "$Address is no address of my page: it begins with https://" }

$name = "ssak8-$Environment"
$id = ''
$apps = Invoke-Az ad app list --display-name $name
foreach ($app in $apps) {
    # The list has every name that begins like this.
    if ($app.displayName -eq $name) { $id = $app.appId }
}
if (-not $id) { throw "There is no app registration ${name}: run infra/bicep/register-app.ps1 $Environment first" }

# Where Entra ID sends people back to. The list is replaced, so what is in it is kept.
$redirect = "$Address/operators/login/callback"
$app = Invoke-Az ad app show --id $id
$known = @($app.web.redirectUris | Where-Object { $_ })
if ($known -notcontains $redirect) {
    Invoke-Az ad app update --id $id --web-redirect-uris @known $redirect | Out-Null
}

# The identity of the app stands for the secret of this registration.
$account = Invoke-Az account show
$trusted = ''
$credentials = Invoke-Az ad app federated-credential list --id $id
foreach ($credential in $credentials) {
    if ($credential.name -eq 'my-page') { $trusted = $credential.subject }
}
if ($trusted -ne $Principal) {
    if ($trusted) {
        Invoke-Az ad app federated-credential delete --id $id --federated-credential-id my-page | Out-Null
    }
    # A file, because az is a batch file on Windows, and its shell reads quotes in arguments.
    $file = New-TemporaryFile
    try {
        $issuer = "https://login.microsoftonline.com/$($account.tenantId)/v2.0"
        $audiences = @('api://AzureADTokenExchange')
        $wanted = @{ name = 'my-page'; issuer = $issuer; subject = $Principal; audiences = $audiences }
        $wanted | ConvertTo-Json -Compress | Set-Content -Encoding ascii $file
        $parameters = "@$file"
        Invoke-Az ad app federated-credential create --id $id --parameters $parameters | Out-Null
    }
    finally { Remove-Item $file }
}
