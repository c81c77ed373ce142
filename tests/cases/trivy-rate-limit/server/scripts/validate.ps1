$names = Get-Content required-settings.txt
Write-Host "Checking $($names.Count) settings of the function app"
foreach ($name in $names) {
    if (-not $OctopusParameters[$name]) { Write-Warning "$name is not set, the default is used" }
}
Write-Host "Configuration is complete"
