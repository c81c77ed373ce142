Write-Host "Pulling Trivy Docker Image"
docker pull ghcr.io/aquasecurity/trivy

$bomFiles = Get-ChildItem -Path "." -Filter "bom.json" -Recurse -File
if ($bomFiles.Count -eq 0) {
    Write-Warning "No bom.json in the package, nothing to scan"
    exit 0
}

$critical = 0
$high = 0
foreach ($file in $bomFiles) {
    Write-Host "Scanning $($file.FullName)"

    # Trivy downloads its vulnerability database on each run.
    for ($attempt = 1; $attempt -le 4; $attempt++) {
        docker run --rm `
            -v "$($file.DirectoryName):/output" `
            -v "$($file.FullName):/input/$($file.Name)" `
            ghcr.io/aquasecurity/trivy sbom `
            -q `
            -f json `
            -o /output/depscan-bom.json `
            --severity HIGH,CRITICAL `
            "/input/$($file.Name)"
        if ($LASTEXITCODE -eq 0) { break }
        if ($attempt -eq 4) { exit $LASTEXITCODE }
        Write-Host "attempt $attempt failed, trying again"; Start-Sleep -Seconds (15 * $attempt)
    }

    # Octopus collects it after the step.
    $report = "$($file.DirectoryName)/depscan-bom.json"
    if (Test-Path $report) {
        New-OctopusArtifact -Path $report -Name "depscan-$($file.BaseName).json"
    }

    # One file holds the findings of all targets
    # that Trivy recognised in the bill of materials.
    # It is missing when the scan did not come to its end,
    # which is an error.
    #
    # See the artifact for details.
    $results = Get-Content -Path $report | ConvertFrom-Json
    $found = @($results.Results.Vulnerabilities)
    $critical += @($found | Where-Object Severity -eq 'CRITICAL').Count
    $high += @($found | Where-Object Severity -eq 'HIGH').Count
}

Write-Highlight "$critical critical and $high high vulnerabilities"
if ($critical -gt 0) {
    Fail-Step "Critical vulnerabilities were found"
}
exit 0
