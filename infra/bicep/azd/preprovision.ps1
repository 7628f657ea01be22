# azd runs this before it provisions (azure.yaml), on Windows. preprovision.sh does the same elsewhere, and says why.
# For PowerShell 7 and Windows PowerShell 5.1, which needs ASCII.
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot/../invoke-az.ps1"

$group = "rg-$env:AZURE_ENV_NAME"
# Not get-value, which fails if there is none.
$known = & azd env get-values
if ($LASTEXITCODE -ne 0) { throw 'azd env get-values failed: see above' }
$clientId = ''
$access = 'customers'
$publicKeys = ''
$kakaoLogin = ''
foreach ($line in $known) {
    if ($line -match '^AUTH_CLIENT_ID="(.+)"$') { $clientId = $Matches[1] }
    if ($line -match '^ACCESS="(.+)"$') { $access = $Matches[1] }
    if ($line -match '^SESSION_PUBLIC_KEYS="(.+)"$') { $publicKeys = $Matches[1] }
    if ($line -match '^KAKAO_LOGIN_CLIENT_ID="(.+)"$') { $kakaoLogin = $Matches[1] }
}
if ($access -ne 'open' -and -not $publicKeys) {
    throw 'SESSION_PUBLIC_KEYS is not set, without which no customer can be recognised. preprovision.sh says how to make a key. Or let everybody call, where no real customers are: azd env set ACCESS open'
}
if ($access -ne 'open' -and -not $kakaoLogin) {
    throw 'KAKAO_LOGIN_CLIENT_ID is not set, without which nobody can sign in to my page. It is the REST API key of your app at Kakao Developers (docs/kakao-login.md): azd env set KAKAO_LOGIN_CLIENT_ID KEY. Or let everybody call, where no real customers are: azd env set ACCESS open'
}
$myPage = 'true'
if ($access -eq 'open') { $myPage = 'false' }
if (-not $clientId) { $clientId = & "$PSScriptRoot/../register-app.ps1" $env:AZURE_ENV_NAME }

$subscription = '{subscriptionId}'
$option = @()
if ($env:AZURE_SUBSCRIPTION_ID) {
    $subscription = $env:AZURE_SUBSCRIPTION_ID
    $option = @('--subscription', $subscription)
}
$start = [DateTime]::UtcNow
$start = $start.AddDays(1 - $start.Day)
$exists = Invoke-Az group exists --name $group @option
if ($exists) {
    $scope = "/subscriptions/$subscription/resourceGroups/$group"
    $uri = "$scope/providers/Microsoft.Consumption/budgets?api-version=2026-06-01"
    $answer = Invoke-Az rest --method get --uri $uri
    foreach ($budget in $answer.value) {
        # PowerShell 7 has read a DateTime, 5.1 text.
        if ($budget.name -like 'budget-*') { $start = ([DateTime] $budget.properties.timePeriod.startDate).ToUniversalTime() }
    }
}
# The invariant culture: others count the years in another way.
$startDate = $start.ToString('yyyy-MM-dd', [CultureInfo]::InvariantCulture)

& azd env set MY_PAGE $myPage
if ($LASTEXITCODE -ne 0) { throw 'azd env set failed: see above' }
& azd env set AUTH_CLIENT_ID $clientId
if ($LASTEXITCODE -ne 0) { throw 'azd env set failed: see above' }
& azd env set BUDGET_START_DATE $startDate
if ($LASTEXITCODE -ne 0) { throw 'azd env set failed: see above' }
