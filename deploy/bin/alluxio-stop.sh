#!/usr/bin/env bash
# Stops masters and workers: of this host, or of the hosts that conf/masters and conf/workers name.
set -uo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../libexec/alluxio-config.sh"
for part in hosts processes; do . "$libexec/$part.sh"; done

usage() {
  cat <<'END'
Usage: alluxio-stop.sh [-hs] ACTION

ACTION is one of:
  all      Stop the masters and workers that conf/masters and conf/workers name
  local    Stop the worker and the master of this host
  master, worker
           Stop that of this host
  masters, workers
           Stop those that conf/masters, conf/workers name
  job_master(s), job_worker(s)
           Nothing: there are no such processes

A process gets SIGTERM, and SIGKILL if it still runs after 180 s (ALLUXIO_STOP_SECONDS). A worker first
persists what is not persisted yet.

Options:
  -h   print this text
  -s   never SIGKILL; fail instead
END
}

soft=
while getopts ":hsc:" option; do
  case $option in
    h) usage; exit 0 ;;
    s) soft=soft ;;
    c) usage_error "-c (a copy of the worker's memory) is not supported" ;;
    *) usage_error "unknown option -$OPTARG" ;;
  esac
done
shift $((OPTIND - 1))
[ $# = 1 ] || usage_error "which ACTION?"

# By this script on each host; the workers first: they tell the master what they still have to tell.
stop_everywhere() { # ACTION
  local failed=
  case $1 in all | workers) on_hosts workers "$bin/alluxio-stop.sh" ${soft:+-s} worker || failed=1 ;; esac
  # Masters stay for a worker that could not be stopped softly.
  [ -z "$failed" ] || [ -z "$soft" ] || return 1
  case $1 in all | masters) on_hosts masters "$bin/alluxio-stop.sh" ${soft:+-s} master || failed=1 ;; esac
  [ -z "$failed" ]
}

case $1 in
  all | masters | workers)
    if is_about_others "$1"; then
      stop_everywhere "$1"
      exit
    fi
    ;;
  local | master | worker) ;;
  job_master | job_masters | job_worker | job_workers | proxy | proxies | logserver | secondary_master)
    echo "There is no $1 here to stop."
    exit 0
    ;;
  *) usage_error "unknown ACTION $1" ;;
esac

use_logs_dir && take_turn || exit 1
case $1 in
  # The worker first: it tells the master what it still has to tell.
  all | local) stop_process worker $soft && stop_process master $soft ;;
  master | masters) stop_process master $soft ;;
  worker | workers) stop_process worker $soft ;;
esac
