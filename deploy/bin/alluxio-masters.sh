#!/usr/bin/env bash
# Runs a command on each host of conf/masters. For now that may name this host only.
set -uo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../libexec/alluxio-config.sh"
. "$libexec/hosts.sh"

if [ $# = 0 ] || [ "$1" = -h ]; then
  echo "Usage: alluxio-masters.sh COMMAND [ARGUMENT...]" >&2
  [ $# -gt 0 ]
  exit
fi
only_this_host masters "$*" || exit 1
for host in $(hosts_of masters); do
  "$@" || exit
done
