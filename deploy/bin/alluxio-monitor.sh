#!/usr/bin/env bash
# Says whether masters and workers serve; if not, shows the end of their logs and fails.
set -uo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../libexec/alluxio-config.sh"
for part in hosts processes; do . "$libexec/$part.sh"; done

usage() {
  cat <<'END'
Usage: alluxio-monitor.sh [-hL] ACTION

ACTION is one of:
  local             the master and the worker of this host
  master, worker    that of this host
  all, masters, workers
                    those that conf/masters and conf/workers name

Options:
  -h   print this text
  -L   print the end of the logs, check nothing
END
}

print_logs() { # ROLE
  local file
  for file in "$ALLUXIO_LOGS_DIR/$1.log" "$ALLUXIO_LOGS_DIR/$1.out"; do
    [ -s "$file" ] || continue
    echo "--- the end of $file"
    tail -n 30 "$file"
  done
}

check() { # ROLE
  local address
  if [ -n "$logs_only" ]; then
    print_logs "$1"
    return
  fi
  address=$(web_address "$1") || return 1
  if is_ready $address; then
    echo "[ OK ] The $1 @ $(host_name) serves."
    return
  fi
  if running "$1" >/dev/null; then
    echo "[ FAILED ] The $1 @ $(host_name) runs but does not serve: $(reason_not_ready $address)."
  else
    echo "[ FAILED ] The $1 @ $(host_name) does not run."
  fi
  print_logs "$1"
  return 1
}

# By this script on each host.
check_everywhere() { # ACTION
  local failed=
  case $1 in all | masters) on_hosts masters "$bin/alluxio-monitor.sh" ${logs_only:+-L} master || failed=1 ;; esac
  case $1 in all | workers) on_hosts workers "$bin/alluxio-monitor.sh" ${logs_only:+-L} worker || failed=1 ;; esac
  [ -z "$failed" ]
}

logs_only=
while getopts ":hL" option; do
  case $option in
    h) usage; exit 0 ;;
    L) logs_only=1 ;;
    *) usage_error "unknown option -$OPTARG" ;;
  esac
done
shift $((OPTIND - 1))
[ $# = 1 ] || usage_error "which ACTION?"

case $1 in
  all | masters | workers)
    if is_about_others "$1"; then
      check_everywhere "$1"
      exit
    fi
    ;;
  local | master | worker) ;;
  job_master | job_masters | job_worker | job_workers) echo "There is no $1 here to watch."; exit 0 ;;
  *) usage_error "unknown ACTION $1" ;;
esac
use_logs_dir || exit 1
status=0
case $1 in all | local | master*) check master || status=1 ;; esac
case $1 in all | local | worker*) check worker || status=1 ;; esac
exit "$status"
