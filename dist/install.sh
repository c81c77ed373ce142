#!/bin/sh
# Installs firefighter on Linux or macOS: sh install.sh [--to FOLDER] [--version VERSION] [--from ADDRESS]
#
# Downloads the program for this machine and the release's checksums, and installs it only if they agree. Nothing is installed
# otherwise, and no other file is touched. FOLDER is ~/.local/bin unless told; ADDRESS is a release's folder of downloads.
set -eu

to="${FIREFIGHTER_INSTALL_TO:-${HOME:-.}/.local/bin}"
from="${FIREFIGHTER_INSTALL_FROM:-}"
version="${FIREFIGHTER_INSTALL_VERSION:-latest}"
# The release workflow writes the repository's address here.
repository="@REPOSITORY@"

fail() {
  echo "firefighter was not installed: $1" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case "$1" in
    --to | --version | --from) [ $# -ge 2 ] || fail "$1 needs a value" ;;
  esac
  case "$1" in
    --to) to=$2; shift 2 ;;
    --version) version=${2#v}; shift 2 ;;
    --from) from=${2%/}; shift 2 ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "there is no option $1" ;;
  esac
done

system=$(uname -s) machine=$(uname -m)
case "$machine" in
  x86_64 | amd64) arch=x86_64 ;;
  aarch64 | arm64) arch=aarch64 ;;
  *) fail "there is no program for the processor $machine" ;;
esac
case "$system" in
  Linux) target=$arch-unknown-linux-musl ;;
  Darwin) target=universal-apple-darwin ;;
  *) fail "there is no program for $system here; on Windows use install.ps1" ;;
esac

if [ -z "$from" ]; then
  case "$repository" in
    https://*) ;;
    *) fail "this script does not know where its release is: give it --from ADDRESS" ;;
  esac
  if [ "$version" = latest ]; then from=$repository/releases/latest/download; else from=$repository/releases/download/v$version; fi
fi

if command -v curl >/dev/null 2>&1; then
  get() { curl -fsSL --retry 2 --connect-timeout 15 --max-time 300 -o "$2" -- "$1"; }
elif command -v wget >/dev/null 2>&1; then
  get() { wget -q -T 30 -t 2 -O "$2" -- "$1"; }
else
  fail "this machine has neither curl nor wget"
fi
if command -v sha256sum >/dev/null 2>&1; then
  digest() { sha256sum <"$1" | cut -d ' ' -f 1; }
elif command -v shasum >/dev/null 2>&1; then
  digest() { shasum -a 256 <"$1" | cut -d ' ' -f 1; }
elif command -v openssl >/dev/null 2>&1; then
  digest() { openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1; }
else
  fail "this machine has none of sha256sum, shasum and openssl, so the download can't be verified"
fi

# The smaller archive where it can be unpacked.
ends=tar.gz
if command -v xz >/dev/null 2>&1; then ends="tar.xz tar.gz"; fi
work=$(mktemp -d) || fail "there is no room for temporary files"
part=
trap 'rm -rf "$work"; [ -z "$part" ] || rm -f "$part"' EXIT
trap 'exit 130' INT TERM
get "$from/SHA256SUMS" "$work/SHA256SUMS" || fail "$from/SHA256SUMS could not be downloaded"
for end in $ends; do
  asset=firefighter-$target.$end
  promised=$(awk -v name="$asset" '$2 == name || $2 == "*" name { print $1; exit }' "$work/SHA256SUMS")
  if [ -n "$promised" ]; then break; fi
done
[ -n "$promised" ] || fail "there is no checksum of $asset in $from/SHA256SUMS"
get "$from/$asset" "$work/$asset" || fail "$from/$asset could not be downloaded"
[ "$(digest "$work/$asset")" = "$promised" ] || fail "$asset is not the file that its checksum promises"
case "$asset" in *.xz) how=J ;; *) how=z ;; esac
tar "-x${how}f" "$work/$asset" -C "$work" firefighter || fail "$asset cannot be unpacked"

mkdir -p "$to" || fail "the folder $to cannot be made"
# Moved in one go, so that a program that runs is never half written over.
part=$to/.firefighter.$$
{ cp "$work/firefighter" "$part" && chmod 755 "$part"; } || fail "the folder $to cannot be written to"
"$part" --version >/dev/null 2>&1 || fail "the program does not run on this machine"
mv -f "$part" "$to/firefighter" || fail "$to/firefighter cannot be replaced"
part=
echo "$("$to/firefighter" --version) is installed as $to/firefighter"
case ":$PATH:" in *":$to:"*) ;; *) echo "$to is not on the PATH" ;; esac
