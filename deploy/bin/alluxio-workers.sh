#!/usr/bin/env bash
# Runs a command on each host of conf/workers. For now that may name this host only.
set -uo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../libexec/alluxio-config.sh"
. "$libexec/hosts.sh"

if [ $# = 0 ] || [ "$1" = -h ]; then
  echo "Usage: alluxio-workers.sh COMMAND [ARGUMENT...]" >&2
  [ $# -gt 0 ]
  exit
fi
only_this_host workers "$*" || exit 1
for host in $(hosts_of workers); do
  "$@" || exit
done
