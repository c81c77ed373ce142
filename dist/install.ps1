# Installs firefighter on Windows: ./install.ps1 [-To FOLDER] [-Version VERSION] [-From ADDRESS]
#
# Downloads the program for this machine and the release's checksums, and installs it only if they agree. Nothing is installed
# otherwise. FOLDER is %LOCALAPPDATA%\Programs\firefighter unless told; ADDRESS is a release's folder of downloads.
[CmdletBinding()]
param([string] $To = '', [string] $Version = 'latest', [string] $From = '')

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# The release workflow writes the repository's address here.
$repository = '@REPOSITORY@'

function Stop-Install([string] $Text) {
    throw "firefighter was not installed: $Text"
}

if ($To -eq '') { $To = Join-Path $env:LOCALAPPDATA 'Programs\firefighter' }
# A 32-bit PowerShell is told of the real machine by the second one.
$machine = [string] $env:PROCESSOR_ARCHITEW6432
if ($machine -eq '') { $machine = [string] $env:PROCESSOR_ARCHITECTURE }
switch ($machine.ToUpperInvariant()) {
    'AMD64' { $target = 'x86_64-pc-windows-gnu' }
    'ARM64' { $target = 'aarch64-pc-windows-msvc' }
    default { Stop-Install "there is no program for the processor $machine" }
}
if ($From -eq '') {
    if ($repository -notmatch '^https://') { Stop-Install 'this script does not know where its release is: give it -From ADDRESS' }
    $Version = $Version -replace '^v', ''
    if ($Version -eq 'latest') { $From = "$repository/releases/latest/download" }
    else { $From = "$repository/releases/download/v$Version" }
}
$From = $From.TrimEnd('/')
if ($PSVersionTable.PSVersion.Major -lt 6) {
    # 3072 is TLS 1.2, which older Windows does not offer by itself.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
}

function Receive-File([string] $Name, [string] $Path) {
    try { Invoke-WebRequest -Uri "$From/$Name" -OutFile $Path -UseBasicParsing -TimeoutSec 300 }
    catch { Stop-Install "$From/$Name could not be downloaded" }
}

$asset = "firefighter-$target.zip"
$work = Join-Path ([IO.Path]::GetTempPath()) ("firefighter-" + [Guid]::NewGuid().ToString('N'))
New-Item -ItemType Directory -Path $work | Out-Null
try {
    Receive-File 'SHA256SUMS' (Join-Path $work 'SHA256SUMS')
    $promised = ''
    foreach ($line in Get-Content -LiteralPath (Join-Path $work 'SHA256SUMS')) {
        $sum, $file = $line -split '\s+\*?', 2
        if ($file -eq $asset) { $promised = $sum }
    }
    if ($promised -eq '') { Stop-Install "there is no checksum of $asset in $From/SHA256SUMS" }
    Receive-File $asset (Join-Path $work $asset)
    $found = (Get-FileHash -LiteralPath (Join-Path $work $asset) -Algorithm SHA256).Hash
    if ($found -ne $promised) { Stop-Install "$asset is not the file that its checksum promises" }
    Expand-Archive -LiteralPath (Join-Path $work $asset) -DestinationPath (Join-Path $work 'unpacked')
    $program = Join-Path $work 'unpacked\firefighter.exe'
    $said = & $program --version
    if ($LASTEXITCODE -ne 0) { Stop-Install 'the program does not run on this machine' }
    New-Item -ItemType Directory -Path $To -Force | Out-Null
    Copy-Item -LiteralPath $program -Destination (Join-Path $To 'firefighter.exe') -Force
    Write-Output "$said is installed as $(Join-Path $To 'firefighter.exe')"
}
finally {
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
}
