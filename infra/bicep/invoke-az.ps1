# What the other scripts for PowerShell share: `. invoke-az.ps1`.

function Invoke-Az {
    # Runs the Azure CLI and returns its output, parsed. PowerShell itself goes on after a program that failed.
    $output = & az @args --only-show-errors --output json
    if ($LASTEXITCODE -ne 0) { throw "az $($args[0..2] -join ' ') failed: see above" }
    if ($output) { ($output -join "`n") | ConvertFrom-Json }
}
