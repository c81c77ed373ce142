# What Octopus puts before a bash step: the helper functions as documented, with their traps.
# $1 is the key that variables are encrypted with; both streams are told to mask it before it is shifted away.
encode() { printf '%s' "$1" | openssl base64 -A; }
mask="##octopus[mask value='$(encode "$1")']"
echo "$mask"
echo "$mask" >&2
shift

# Each call starts openssl twice, and is written down so that a test can count.
get_octopusvariable() {
  local name
  name="$(encode "$1")"
  printf '%s\n' "$1" >>"$STEP_HOST_READS"
  local line
  while IFS= read -r line; do
    if [ "${line%% *}" = "$name" ]; then printf '%s' "${line#* }" | openssl base64 -d -A; return; fi
  done <"$STEP_HOST_VARIABLES"
}

# Unquoted: white space collapses, stars become file names, a leading -n is eaten.
write_at() { echo "##octopus[stdout-$1]"; shift; echo $@; echo "##octopus[stdout-default]"; }
write_highlight() { write_at highlight $1; }
write_verbose() { write_at verbose $1; }
write_warning() { write_at warning $1; }
write_wait() { write_at wait $1; }

set_octopusvariable() {
  local sensitive=""
  if [ "$3" = -sensitive ]; then sensitive=" sensitive='$(encode True)'"; fi
  printf "##octopus[setVariable name='%s' value='%s'%s]\n" "$(encode "$1")" "$(encode "$2")" "$sensitive"
}

# Measures with an unquoted $1, and calls a function that is not there when the file is missing.
new_octopusartifact() {
  local name="${2:-$(basename "$1")}" length
  if [ ! -e "$1" ]; then error_exit "missing"; return; fi
  length="$(wc -c <$1)"
  echo "##octopus[createArtifact path='$(encode "$1")' name='$(encode "$name")' length='$(encode "$length")']"
}

update_progress() { echo "##octopus[progress percentage='$(encode "$1")' message='$(encode "$2")']"; }
fail_step() { echo "##octopus[resultMessage message='$(encode "$1")']"; exit 1; }

. "./Script.sh" "$@"
