# Firefighter: says why this run failed, and what to do about it.
# Finds the program, hands it what the step knows by environment, and always ends with 0: the failed run is never made worse.

# Only constant text is ever printed here; a path or an address could hold a service message.
say() { printf '%s\n' "Firefighter: $1"; exit 0; }
note() { printf '##octopus[stdout-warning]\n%s\n##octopus[stdout-default]\n' "Firefighter: $1"; }
warn() { note "$1"; exit 0; }

value=""
# Each read starts other programs, so each variable is read once.
read_variable() { value="$(get_octopusvariable "$1" 2>/dev/null)"; }

key=""
# Octopus.Task.Id becomes OCTOPUS_TASK_ID; max-cost and FIREFIGHTER_MAX_COST both become MAX_COST.
name_key() {
  key="${1//[[:space:]]/}"
  key="${key//[.-]/_}"
  # In some languages the capital of i is another letter.
  key="$(LC_ALL=C; printf '%s' "${key^^}")"
  key="${key#FIREFIGHTER_}"
}

# A very long value would keep the program from starting.
pass_on() {
  name_key "$1"
  read_variable "$1"
  export "FIREFIGHTER_$key=${value:0:8000}"
}

pass_setting() {
  read_variable "$1"
  if [ -n "$value" ]; then export "$2=$value"; fi
}

# Each line NAME=value becomes a variable of the program's own, and no other: the step's PATH stays what it is.
pass_lines() {
  local rest line
  read_variable Firefighter.Settings
  rest="${value//$'\r'/}"
  while [ -n "$rest" ]; do
    line="${rest%%$'\n'*}"
    rest="${rest#"$line"}"
    rest="${rest#$'\n'}"
    if [ -z "${line//[[:space:]]/}" ] || [ "${line:0:1}" = "#" ]; then continue; fi
    name_key "${line%%=*}"
    case "$line" in *=*) ;; *) key="" ;; esac
    case "$key" in
      '' | [0-9_]* | *[!ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_]*)
        note "a line of the parameter More settings is not NAME=value and was left out."
        ;;
      *)
        line="${line#*=}"
        export "FIREFIGHTER_$key=${line:0:8000}"
        ;;
    esac
  done
}

pass_token() {
  local token
  read_variable Firefighter.Forge.Token
  if [ -z "$value" ]; then return; fi
  token="$value"
  read_variable Firefighter.Forge.Kind
  name_key "${value:-github}"
  export "FIREFIGHTER_${key}_TOKEN=$token"
}

pass_on Octopus.Deployment.Id
pass_on Octopus.RunbookRun.Id
if [ -z "$FIREFIGHTER_OCTOPUS_DEPLOYMENT_ID$FIREFIGHTER_OCTOPUS_RUNBOOKRUN_ID" ]; then
  say "nothing to diagnose here. Add this step to a deployment process or a runbook, with the run condition Failure."
fi
pass_on Octopus.Deployment.Error
if [ -z "$FIREFIGHTER_OCTOPUS_RUNBOOKRUN_ID$FIREFIGHTER_OCTOPUS_DEPLOYMENT_ERROR" ]; then
  say "nothing has failed, so there is nothing to diagnose. With the run condition Failure this step runs only when needed."
fi

case "$(uname -s 2>/dev/null)" in
  Darwin) os=macos folder=osx ;;
  MINGW* | MSYS* | CYGWIN*) os=windows folder=win ;;
  *) os=linux folder=linux ;;
esac
case "$(uname -m 2>/dev/null)" in
  x86_64 | amd64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) arch=unknown ;;
esac
end=""
if [ "$os" = windows ]; then end=.exe; fi

bin=""
look_in() {
  local place
  for place in "$1/$folder-$arch" "$1/$os-$arch" "$1"; do
    if [ -f "$place/firefighter$end" ]; then bin="$place/firefighter$end"; return; fi
  done
}

checksum() {
  {
    if type -P sha256sum >/dev/null; then sha256sum <"$1"; else openssl dgst -sha256 -r <"$1"; fi
  } 2>/dev/null | grep -o -E '^[0-9a-f]{64}'
}

download() {
  local url="$1" sums found
  read_variable Firefighter.DownloadSha256
  sums="$(printf '%s' "${value,,}" | tr -c '0-9a-z' ' ')"
  if [ -z "${sums// /}" ]; then
    warn "not started, for the download has no checksum to be verified by. Set the parameter Download SHA-256."
  fi
  url="${url//"{os}"/$os}"
  url="${url//"{arch}"/$arch}"
  case "$url" in
    http://* | https://*) ;;
    *) warn "not started, for the download address is not one of http or https. Correct the parameter Download URL." ;;
  esac
  bin="$PWD/firefighter-download$end"
  if command -v curl >/dev/null; then
    curl -fsSL --retry 2 --connect-timeout 15 --max-time 90 -o "$bin" -- "$url" >/dev/null 2>&1
  elif command -v wget >/dev/null; then
    wget -q -T 30 -t 2 -O "$bin" -- "$url" >/dev/null 2>&1
  else
    warn "not started, for this machine has neither curl nor wget. Install one, or use Binary path or a package."
  fi || warn "not started, for the download failed. Check Download URL and the worker's proxy. Without internet, use Binary path or a package."
  found="$(checksum "$bin")"
  case " $sums " in
    *" ${found:-none} "*) ;;
    *)
      rm -f -- "$bin"
      warn "not started, for the download is not the file its SHA-256 promises. Check the parameters Download URL and Download SHA-256."
      ;;
  esac
}

find_program() {
  read_variable Firefighter.BinaryPath
  if [ -n "$value" ]; then
    if [ -f "$value" ]; then bin="$value"; else look_in "$value"; fi
    if [ -z "$bin" ]; then warn "not started, for there is no program where the parameter Binary path points to on this worker."; fi
    return
  fi
  read_variable "Octopus.Action.Package[Firefighter].ExtractedPath"
  if [ -n "$value" ]; then
    look_in "$value"
    if [ -z "$bin" ]; then warn "not started, for the package holds no program for $os-$arch. Choose a package that does."; fi
    return
  fi
  read_variable Firefighter.DownloadUrl
  if [ -n "$value" ]; then download "$value"; return; fi
  bin="$(type -P firefighter)"
  if [ -z "$bin" ]; then
    warn "not started, for there is no program. Give it by a package, Binary path or Download URL, or install firefighter on the worker."
  fi
}

find_program
# A bare name would be looked for on the PATH, and a leading dash taken for an option.
case "$bin" in /* | [A-Za-z]:*) ;; *) bin="./$bin" ;; esac
# Unpacking may lose the execute bit, and the package's folder may be read-only.
if [ ! -x "$bin" ] && ! chmod +x "$bin" 2>/dev/null; then
  copy="$PWD/firefighter-copy$end"
  if ! { cp -- "$bin" "$copy" && chmod +x "$copy"; } 2>/dev/null; then
    warn "not started, for the program may not be made executable. Give it the execute bit, or use a package."
  fi
  bin="$copy"
fi
# The shell's own complaint would be another line, and on the error stream.
if ! { "$bin" --version </dev/null >/dev/null 2>&1; } 2>/dev/null; then
  warn "not started, for the program does not run on this machine ($os-$arch). Use the one built for it."
fi

for name in Task.Id Task.Name Space.Id Project.Id Project.Name Environment.Id Environment.Name Release.Id Release.Number \
  Deployment.ErrorDetail Deployment.PreviousSuccessful.Id Deployment.Tenant.Id Deployment.Tenant.Name Runbook.Id \
  Runbook.Name Step.Name Step.Number Web.ServerUri Web.BaseUrl; do
  pass_on "Octopus.$name"
done
pass_lines
pass_token
export FIREFIGHTER_HOST=octopus
export FIREFIGHTER_OUT="$PWD/firefighter-report"
export OCTOPUS_SPACE="$FIREFIGHTER_OCTOPUS_SPACE_ID"
export OCTOPUS_URL="${FIREFIGHTER_OCTOPUS_WEB_SERVERURI:-$FIREFIGHTER_OCTOPUS_WEB_BASEURL}"
pass_setting Firefighter.Octopus.Url OCTOPUS_URL
pass_setting Firefighter.Octopus.ApiKey OCTOPUS_API_KEY
pass_setting Firefighter.Llm.Url FIREFIGHTER_LLM_URL
pass_setting Firefighter.Llm.Model FIREFIGHTER_LLM_MODEL
pass_setting Firefighter.Llm.ApiKey FIREFIGHTER_LLM_API_KEY
pass_setting Firefighter.Signatures FIREFIGHTER_SIGNATURES
pass_setting Firefighter.CaFile FIREFIGHTER_CA_FILE
pass_setting Firefighter.DeadlineSeconds FIREFIGHTER_DEADLINE
read_variable Firefighter.Force
if [ "${value,,}" = true ]; then export FIREFIGHTER_FORCE=true; fi

{ "$bin" diagnose </dev/null 2>&1; } 2>/dev/null
code=$?
if [ "$code" -ne 0 ]; then
  # It may have stopped in the middle of a line.
  echo
  warn "the program stopped early (exit code $code). The run itself is not affected; its log tells what failed."
fi
exit 0
