#!/usr/bin/env bash
# A self-hosted runner's hook after every job: put ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/path/to/dist/job-completed.sh into its .env.
# Node is the runner's own. Ends with 0 whatever happens: another code would fail a job that was fine.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 0
# The runner's folder has its Node. Where jobs work somewhere else, FIREFIGHTER_RUNNER names it.
root=${FIREFIGHTER_RUNNER:-${RUNNER_TEMP:-$PWD}}
while [ "$root" != / ] && [ "$root" != . ] && [ ! -d "$root/externals" ]; do root=$(dirname "$root"); done
node=
for one in "$root"/externals/node*/bin/node; do [ -x "$one" ] && node=$one; done
if [ -z "$node" ]; then
  echo "::warning title=Firefighter::no runner was found above $root; set FIREFIGHTER_RUNNER to its folder"
  exit 0
fi
"$node" "$here/hook.js" "$root" || true
exit 0
