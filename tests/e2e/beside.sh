#!/usr/bin/env bash
# Runs tests in several clusters beside each other (run.sh): each takes the next one when it has ended its last. A scenario waits more than it computes, and
# clusters cannot reach each other. What a test prints is shown when it has ended.
# Usage: beside.sh CLUSTERS ONLY COMMAND...    COMMAND runs the tests whose names are put behind it; ONLY: those with this in their name
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# In a cluster: tests from the queue until it is empty.
take() { # QUEUE COMMAND...
  local queue=$1 failed=0 name printed
  shift
  while name=$(flock "$queue.lock" sh -c 'head -n 1 "$1" && sed -i 1d "$1"' - "$queue") && [ -n "$name" ]; do
    printed=$("$@" --exact "$name" 2>&1) || failed=1
    flock "$queue.lock" printf '%s\n' "$printed"
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
# What is kept is for a next run to find, and a cluster alone has its usual folder.
if [ "$clusters" = 1 ] || [ "${KEEP:-0}" != 0 ]; then exec "$here/run.sh" "$@" ${only:+"$only"}; fi

work=$(mktemp -d)
running=()
# Each takes its cluster away.
trap 'kill "${running[@]}" 2>/dev/null; wait; rm -rf "$work"; exit 130' INT TERM
"$@" --list ${only:+"$only"} | sed -n 's/: test$//p' >"$work/queue"
tests=$(wc -l <"$work/queue")
echo "$tests tests in $clusters clusters"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/kube
for number in $(seq $((tests < clusters ? tests : clusters))); do
  ALLUXIO_KUBE_RUN=$cache/run-$number "$here/run.sh" "$here/beside.sh" --take "$work/queue" "$@" &
  running+=($!)
done
failed=0
for one in "${running[@]}"; do wait "$one" || failed=1; done
# When no cluster could be started.
[ ! -s "$work/queue" ] || { echo "not run:"; cat "$work/queue"; failed=1; }
rm -rf "$work"
exit "$failed"
