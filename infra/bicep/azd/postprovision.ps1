# azd runs this after it has provisioned (azure.yaml), on Windows. postprovision.sh does the same elsewhere, and says why.
# For PowerShell 7 and Windows PowerShell 5.1, which needs ASCII.
$ErrorActionPreference = 'Stop'

$known = & azd env get-values
if ($LASTEXITCODE -ne 0) { throw 'azd env get-values failed: see above' }
$address = ''
$principal = ''
foreach ($line in $known) {
    if ($line -match '^MY_PAGE_URL="(.+)"$') { $address = $Matches[1] }
    if ($line -match '^WEB_PRINCIPAL_ID="(.+)"$') { $principal = $Matches[1] }
}
if ($principal) { & "$PSScriptRoot/../register-my-page.ps1" $env:AZURE_ENV_NAME $address $principal }
