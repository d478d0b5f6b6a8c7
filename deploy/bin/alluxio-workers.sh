#!/usr/bin/env bash
# Runs a command on each host of conf/workers.
set -uo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../libexec/alluxio-config.sh"
. "$libexec/hosts.sh"
on_hosts_as_asked workers "$@"
