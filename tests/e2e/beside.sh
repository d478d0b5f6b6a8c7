#!/usr/bin/env bash
# Runs tests in several clusters beside each other (run.sh): each takes the next one when it has ended its last. A scenario waits more than it computes, and
# clusters cannot reach each other. What a test prints is shown when it has ended.
# Usage: beside.sh CLUSTERS ONLY COMMAND...    COMMAND runs the tests whose names are put behind it; ONLY: those with this in their name
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# In a cluster: tests from the queue until it is empty.
take() { # FOLDER COMMAND...
  local folder=$1 failed=0 name passed
  shift
  while name=$(flock "$folder/lock" sh -c 'head -n 1 "$1" && sed -i 1d "$1"' - "$folder/queue") && [ -n "$name" ]; do
    # A name that nobody knows is no failure to the program.
    "$@" --exact "$name" >"$folder/$name" 2>&1 && grep -q '^test result: ok. 1 passed' "$folder/$name"
    passed=$?
    # Not between the lines of another one.
    flock "$folder/lock" cat "$folder/$name"
    rm "$folder/$name"
    [ "$passed" != 0 ] || continue
    failed=1
    # A cluster that is broken leaves the rest to the others.
    "$here/cluster.sh" up || return 1
  done
  return "$failed"
}

if [ "${1:-}" = --take ]; then
  shift
  take "$@"
  exit
fi
[ $# -gt 2 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
[[ $1 =~ ^[1-9]$ ]] || { echo "E2E_CLUSTERS=$1: a number from 1 to 9" >&2; exit 2; }
clusters=$1 only=$2
shift 2

work=$(mktemp -d)
running=()

# What a cluster that died, or the limit of the stage, has cut off.
cut_off() {
  local file
  for file in "$work"/*::*; do
    [ ! -e "$file" ] || { echo "cut off: ${file##*/}"; cat "$file"; }
  done
  [ ! -s "$work/queue" ] || { echo "not run:"; cat "$work/queue"; }
}
trap 'rm -rf "$work"' EXIT
# Each takes its cluster away.
trap 'kill "${running[@]}" 2>/dev/null; wait; cut_off; exit 130' INT TERM

"$@" --list ${only:+"$only"} >"$work/list" || exit 1
sed -n 's/: test$//p' "$work/list" >"$work/queue"
tests=$(wc -l <"$work/queue")
# What is kept is for a next run to find, and a cluster alone has its usual folder.
if [ "$clusters" = 1 ] || [ "$tests" -lt 2 ] || [ "${KEEP:-0}" != 0 ]; then
  rm -rf "$work"
  exec "$here/run.sh" "$@" ${only:+"$only"}
fi
echo "$tests tests in $clusters clusters"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/kube
for number in $(seq $((tests < clusters ? tests : clusters))); do
  ALLUXIO_KUBE_RUN=$cache/run-$number "$here/run.sh" "$here/beside.sh" --take "$work" "$@" &
  running+=($!)
done
failed=0
for one in "${running[@]}"; do wait "$one" || failed=1; done
cut_off
[ ! -s "$work/queue" ] || failed=1
exit "$failed"
