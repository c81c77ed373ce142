# The installer for Windows, held against a release that is served on this machine: the program that tests are built with.
# Run after `cargo test`, where PowerShell is: ./dist/install.test.ps1
$ErrorActionPreference = 'Stop'
Set-Location -LiteralPath (Split-Path -Parent $PSScriptRoot)

$work = Join-Path ([IO.Path]::GetTempPath()) 'firefighter install test'
Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
New-Item -ItemType Directory -Path $work | Out-Null
$asset = Join-Path $work 'firefighter-x86_64-pc-windows-gnu.zip'
Compress-Archive -LiteralPath 'target/debug/firefighter.exe' -DestinationPath $asset
$sums = Join-Path $work 'SHA256SUMS'
$good = (Get-FileHash -LiteralPath $asset -Algorithm SHA256).Hash.ToLowerInvariant()
$server = Start-Process python -ArgumentList '-m', 'http.server', '8765', '--bind', '127.0.0.1', '--directory', "`"$work`"" -PassThru -WindowStyle Hidden
try {
    $from = 'http://127.0.0.1:8765'
    foreach ($try in 1..30) {
        try { Invoke-WebRequest -Uri $from -UseBasicParsing | Out-Null; break } catch { Start-Sleep -Milliseconds 500 }
    }
    Set-Content -LiteralPath $sums -Value "$good  firefighter-x86_64-pc-windows-gnu.zip"
    $to = Join-Path $work 'a folder'
    ./dist/install.ps1 -From $from -To $to
    & (Join-Path $to 'firefighter.exe') self-check
    if ($LASTEXITCODE -ne 0) { throw 'what was installed does not run' }
    foreach ($wrong in @(('0' * 64), '')) {
        Set-Content -LiteralPath $sums -Value "$wrong  firefighter-x86_64-pc-windows-gnu.zip"
        $other = Join-Path $work 'refused'
        $said = ''
        try { ./dist/install.ps1 -From $from -To $other } catch { $said = $_.Exception.Message }
        if ($said -notmatch 'was not installed') { throw "it did not refuse: $said" }
        if (Test-Path -LiteralPath $other) { throw 'something was installed all the same' }
    }
    Write-Output 'the installer holds'
}
finally {
    Stop-Process -Id $server.Id -Force
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
}
