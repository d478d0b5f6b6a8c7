#!/usr/bin/env bash
# Runs a command in a cluster of three nodes with the product's images, or with --kwok in one whose nodes the command makes, then
# takes the cluster away and looks whether anything of it is left. KEEP=1: the cluster stays, and a next run uses it.
# E2E_PATIENCE=4: all limits are four times as long, for a machine that has other work.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cluster=$here/cluster.sh
running=
# There is no network where the command runs.
export CARGO_NET_OFFLINE=true

end() { # STATUS
  if [ "${KEEP:-0}" != 0 ]; then
    echo "the cluster stays: $cluster in kubectl get pods -A; $cluster down takes it away"
    exit "$1"
  fi
  "$cluster" down
  if ! "$cluster" leftovers; then
    echo "the rig has left something behind on this machine: the lines above"
    exit 1
  fi
  exit "$1"
}
# Ctrl-C, or the limit of the stage.
trap '[ -z "$running" ] || kill "$running" 2>/dev/null; end 130' INT TERM

[[ ${E2E_PATIENCE:-1} =~ ^[1-9][0-9]?$ ]] || { echo "E2E_PATIENCE=$E2E_PATIENCE: a number from 1 to 99" >&2; exit 2; }
nodes=3
if [ "${1:-}" = --kwok ]; then
  nodes=0
  shift
  # As rarely as kwok renews leases.
  export NODE_GRACE=400s
fi
[ $# -gt 0 ] || { echo "usage: run.sh [--kwok] COMMAND..." >&2; exit 2; }
"$cluster" up $nodes || end 1
if [ $nodes = 0 ]; then
  "$cluster" kwok || end 1
else
  images=("${CARGO_TARGET_DIR:-$here/../../target}"/images/alluxio-*.tar)
  [ -e "${images[0]}" ] || { echo "there is no ${images[0]}: make images builds them"; end 1; }
  "$cluster" load-image "${images[@]}" || end 1
fi
"$cluster" in "$@" &
running=$!
wait "$running"
status=$?
# What is left of a test's namespace goes while the next one runs; in the end all of it must have gone. The test with kwok leaves its own.
if [ "$nodes" != 0 ] && [ "${KEEP:-0}" = 0 ]; then
  "$cluster" in sh -c 'kubectl get namespaces --output name | grep /e2e- | xargs --no-run-if-empty kubectl wait --for=delete --timeout=180s' || status=1
fi
end "$status"
