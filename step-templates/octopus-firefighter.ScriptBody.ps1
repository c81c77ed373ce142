# Firefighter: says why this run failed, and what to do about it.
# Finds the program, hands it what the step knows by environment, and always ends with 0: the failed run is never made worse.

$ErrorActionPreference = 'Continue'
$ProgressPreference = 'SilentlyContinue'

# Only constant text is ever printed here; a path or an address could hold a service message.
function Write-Calm([string] $Text) {
    Write-Host '##octopus[stdout-warning]'
    Write-Host "Firefighter: $Text"
    Write-Host '##octopus[stdout-default]'
}

function Read-Variable([string] $Name) {
    return [string] $OctopusParameters[$Name]
}

function Set-Env([string] $Name, [string] $Value) {
    [Environment]::SetEnvironmentVariable($Name, $Value)
}

# Octopus.Task.Id becomes OCTOPUS_TASK_ID; max-cost and FIREFIGHTER_MAX_COST both become MAX_COST.
function Get-Key([string] $Name) {
    return ($Name -replace '\s', '' -replace '[.-]', '_').ToUpperInvariant() -replace '^FIREFIGHTER_', ''
}

# A very long value would keep the program from starting.
function Set-Short([string] $Key, [string] $Value) {
    if ($Value.Length -gt 8000) { $Value = $Value.Substring(0, 8000) }
    Set-Env "FIREFIGHTER_$Key" $Value
}

function Send-Variable([string] $Name) {
    $value = Read-Variable $Name
    Set-Short (Get-Key $Name) $value
    return $value
}

function Send-Setting([string] $Name, [string] $Key) {
    $value = Read-Variable $Name
    if ($value -ne '') { Set-Env $Key $value }
}

# Each line NAME=value becomes a variable of the program's own, and no other: the step's PATH stays what it is.
function Send-Lines {
    foreach ($line in ((Read-Variable 'Firefighter.Settings') -split '\r?\n')) {
        if ($line.Trim() -eq '' -or $line.StartsWith('#')) { continue }
        $name, $value = $line -split '=', 2
        $key = Get-Key $name
        if ($null -eq $value -or $key -cnotmatch '^[A-Z][A-Z0-9_]*$') {
            Write-Calm 'a line of the parameter More settings is not NAME=value and was left out.'
            continue
        }
        Set-Short $key $value
    }
}

function Send-Token {
    $token = Read-Variable 'Firefighter.Forge.Token'
    if ($token -eq '') { return }
    $kind = Get-Key (Read-Variable 'Firefighter.Forge.Kind')
    if ($kind -eq '') { $kind = 'GITHUB' }
    Set-Env ('FIREFIGHTER_' + $kind + '_TOKEN') $token
}

# PowerShell 5.1 knows neither of these variables, and runs on Windows alone.
function Get-Platform {
    if ($PSVersionTable.PSVersion.Major -lt 6) { return 'windows' }
    if ($IsLinux) { return 'linux' }
    if ($IsMacOS) { return 'macos' }
    return 'windows'
}

function Get-Architecture([string] $Os) {
    if ($Os -eq 'windows') {
        # A 32-bit PowerShell is told of the real machine by the second one.
        $machine = [string] $env:PROCESSOR_ARCHITEW6432
        if ($machine -eq '') { $machine = [string] $env:PROCESSOR_ARCHITECTURE }
    }
    else {
        $machine = [string] (uname -m)
    }
    switch ($machine.ToLowerInvariant()) {
        'amd64' { return 'x64' }
        'x86_64' { return 'x64' }
        'arm64' { return 'arm64' }
        'aarch64' { return 'arm64' }
    }
    return 'unknown'
}

function Find-In([string] $Folder, [string] $Os, [string] $Arch, [string] $File) {
    $short = @{ linux = 'linux'; windows = 'win'; macos = 'osx' }[$Os]
    foreach ($place in @((Join-Path $Folder "$short-$Arch"), (Join-Path $Folder "$Os-$Arch"), $Folder)) {
        $path = Join-Path $place $File
        if (Test-Path -LiteralPath $path -PathType Leaf) { return $path }
    }
    return ''
}

function Get-Checksum([string] $Path) {
    $sha = [Security.Cryptography.SHA256]::Create()
    $stream = [IO.File]::OpenRead($Path)
    try { return [BitConverter]::ToString($sha.ComputeHash($stream)).Replace('-', '').ToLowerInvariant() }
    finally { $stream.Dispose() }
}

# How to reach an address: neither Windows PowerShell nor the proxy that Octopus sets for a script heeds the worker's variables.
function Get-Proxy([Uri] $Address) {
    foreach ($name in ([string] $env:NO_PROXY -split '[,\s]+')) {
        $end = '.' + $name.TrimStart('*', '.')
        $known = ('.' + $Address.DnsSafeHost).EndsWith($end, [StringComparison]::OrdinalIgnoreCase)
        if ($name -eq '*' -or ($end -ne '.' -and $known)) { return @{} }
    }
    $found = [string] [Environment]::GetEnvironmentVariable($Address.Scheme.ToUpperInvariant() + '_PROXY')
    if ($found -eq '') { return @{} }
    $proxy = [Uri] $found
    $user, $password = $proxy.UserInfo -split ':', 2
    if (-not $password) { return @{ Proxy = $proxy } }
    $secret = ConvertTo-SecureString ([Uri]::UnescapeDataString($password)) -AsPlainText -Force
    $login = New-Object Management.Automation.PSCredential([Uri]::UnescapeDataString($user), $secret)
    return @{ Proxy = $proxy; ProxyCredential = $login }
}

# The program's path, or nothing after a line that says why there is none.
function Receive-Program([string] $Url, [string] $Os, [string] $Arch, [string] $Path) {
    $sums = (Read-Variable 'Firefighter.DownloadSha256').ToLowerInvariant() -split '[^0-9a-z]+'
    if (-not ($sums -join '')) {
        Write-Calm 'not started, for the download has no checksum to be verified by. Set the parameter Download SHA-256.'
        return
    }
    if ($Url -notmatch '^https?://') {
        Write-Calm 'not started, for the download address is not one of http or https. Correct the parameter Download URL.'
        return
    }
    try {
        if ($PSVersionTable.PSVersion.Major -lt 6) {
            # 3072 is TLS 1.2, which older Windows does not offer by itself.
            [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
        }
        $address = $Url.Replace('{os}', $Os).Replace('{arch}', $Arch)
        $proxy = Get-Proxy $address
        Invoke-WebRequest @proxy -Uri $address -OutFile $Path -UseBasicParsing -TimeoutSec 90 -ErrorAction Stop | Out-Null
    }
    catch {
        Write-Calm "not started, for the download failed. Check Download URL and the worker's proxy. Without internet, use Binary path or a package."
        return
    }
    if ($sums -notcontains (Get-Checksum $Path)) {
        Remove-Item -LiteralPath $Path -Force -ErrorAction SilentlyContinue
        Write-Calm 'not started, for the download is not the file its SHA-256 promises. Check the parameters Download URL and Download SHA-256.'
        return
    }
    return $Path
}

function Find-Program([string] $Os, [string] $Arch, [string] $Here) {
    $file = 'firefighter'
    $end = ''
    if ($Os -eq 'windows') { $file = 'firefighter.exe'; $end = '.exe' }
    $path = Read-Variable 'Firefighter.BinaryPath'
    if ($path -ne '') {
        if (Test-Path -LiteralPath $path -PathType Leaf) { return (Resolve-Path -LiteralPath $path).ProviderPath }
        $found = Find-In $path $Os $Arch $file
        if ($found) { return (Resolve-Path -LiteralPath $found).ProviderPath }
        Write-Calm 'not started, for there is no program where the parameter Binary path points to on this worker.'
        return
    }
    $folder = Read-Variable 'Octopus.Action.Package[Firefighter].ExtractedPath'
    if ($folder -ne '') {
        $found = Find-In $folder $Os $Arch $file
        if ($found) { return (Resolve-Path -LiteralPath $found).ProviderPath }
        Write-Calm "not started, for the package holds no program for $Os-$Arch. Choose a package that does."
        return
    }
    $url = Read-Variable 'Firefighter.DownloadUrl'
    if ($url -ne '') { return Receive-Program $url $Os $Arch (Join-Path $Here "firefighter-download$end") }
    $command = Get-Command $file -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($command) { return $command.Path }
    Write-Calm 'not started, for there is no program. Give it by a package, Binary path or Download URL, or install firefighter on the worker.'
}

# Unpacking may lose the execute bit, and the package's folder may be read-only.
function Grant-Execution([string] $Program, [string] $Here) {
    $null = chmod +x $Program 2>&1
    if ($LASTEXITCODE -eq 0) { return $Program }
    $null = test -x $Program 2>&1
    if ($LASTEXITCODE -eq 0) { return $Program }
    $copy = Join-Path $Here 'firefighter-copy'
    Copy-Item -LiteralPath $Program -Destination $copy -ErrorAction SilentlyContinue
    $null = chmod +x $copy 2>&1
    if ($LASTEXITCODE -eq 0) { return $copy }
    Write-Calm 'not started, for the program may not be made executable. Give it the execute bit, or use a package.'
}

# PowerShell would make errors of the program's error stream, and misread its UTF-8 where Windows has another code page. What is
# written here stays in the console's own: Octopus reads it as that.
function Start-Program([string] $Program, [string] $Argument, [string] $Here, [bool] $Show) {
    $start = New-Object Diagnostics.ProcessStartInfo
    $start.FileName = $Program
    $start.Arguments = $Argument
    $start.WorkingDirectory = $Here
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = [Text.Encoding]::UTF8
    $start.StandardErrorEncoding = [Text.Encoding]::UTF8
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    # Both streams are read at once, or a full one would hold the program up.
    $errors = $process.StandardError.ReadToEndAsync()
    while ($null -ne ($line = $process.StandardOutput.ReadLine())) {
        if ($Show) { Write-Host $line }
    }
    $process.WaitForExit()
    if ($Show -and $errors.Result) { Write-Host $errors.Result.TrimEnd() }
    return $process.ExitCode
}

function Invoke-Firefighter {
    $deployment = Send-Variable 'Octopus.Deployment.Id'
    $runbookRun = Send-Variable 'Octopus.RunbookRun.Id'
    if ("$deployment$runbookRun" -eq '') {
        Write-Host 'Firefighter: nothing to diagnose here. Add this step to a deployment process or a runbook, with the run condition Failure.'
        return
    }
    $failure = Send-Variable 'Octopus.Deployment.Error'
    if ("$runbookRun$failure" -eq '') {
        Write-Host 'Firefighter: nothing has failed, so there is nothing to diagnose. With the run condition Failure this step runs only when needed.'
        return
    }

    $here = (Get-Location).ProviderPath
    $os = Get-Platform
    $arch = Get-Architecture $os
    $program = Find-Program $os $arch $here
    if (-not $program) { return }
    if ($os -ne 'windows') { $program = Grant-Execution $program $here }
    if (-not $program) { return }
    $code = 1
    try { $code = Start-Program $program '--version' $here $false } catch { $code = 1 }
    if ($code -ne 0) {
        Write-Calm "not started, for the program does not run on this machine ($os-$arch). Use the one built for it."
        return
    }

    foreach ($name in @('Task.Id', 'Task.Name', 'Project.Id', 'Project.Name', 'Environment.Id', 'Environment.Name', 'Release.Id',
            'Release.Number', 'Deployment.ErrorDetail', 'Deployment.PreviousSuccessful.Id', 'Deployment.Tenant.Id',
            'Deployment.Tenant.Name', 'Runbook.Id', 'Runbook.Name', 'Step.Name', 'Step.Number')) {
        $null = Send-Variable "Octopus.$name"
    }
    $space = Send-Variable 'Octopus.Space.Id'
    $server = Send-Variable 'Octopus.Web.ServerUri'
    $base = Send-Variable 'Octopus.Web.BaseUrl'
    if ($server -eq '') { $server = $base }
    Send-Lines
    Send-Token
    Set-Env 'FIREFIGHTER_HOST' 'octopus'
    Set-Env 'FIREFIGHTER_OUT' (Join-Path $here 'firefighter-report')
    Set-Env 'OCTOPUS_SPACE' $space
    Set-Env 'OCTOPUS_URL' $server
    Send-Setting 'Firefighter.Octopus.Url' 'OCTOPUS_URL'
    Send-Setting 'Firefighter.Octopus.ApiKey' 'OCTOPUS_API_KEY'
    Send-Setting 'Firefighter.Llm.Url' 'FIREFIGHTER_LLM_URL'
    Send-Setting 'Firefighter.Llm.Model' 'FIREFIGHTER_LLM_MODEL'
    Send-Setting 'Firefighter.Llm.ApiKey' 'FIREFIGHTER_LLM_API_KEY'
    Send-Setting 'Firefighter.Signatures' 'FIREFIGHTER_SIGNATURES'
    Send-Setting 'Firefighter.CaFile' 'FIREFIGHTER_CA_FILE'
    Send-Setting 'Firefighter.DeadlineSeconds' 'FIREFIGHTER_DEADLINE'
    if ((Read-Variable 'Firefighter.Force') -eq 'True') { Set-Env 'FIREFIGHTER_FORCE' 'true' }

    $code = Start-Program $program 'diagnose' $here $true
    if ($code -ne 0) {
        Write-Calm "the program stopped early (exit code $code). The run itself is not affected; its log tells what failed."
    }
}

try {
    Invoke-Firefighter
}
catch {
    Write-Calm 'stopped by a fault of its own. The run itself is not affected; its log tells what failed.'
}
exit 0
