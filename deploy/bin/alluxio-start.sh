#!/usr/bin/env bash
# Starts masters and workers: of this host, or of the hosts that conf/masters and conf/workers name.
set -uo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../libexec/alluxio-config.sh"
for part in hosts processes ramdisk; do . "$libexec/$part.sh"; done

usage() {
  cat <<'END'
Usage: alluxio-start.sh [-ahmNw] [-i BACKUP] ACTION [MOPT] [-f]

ACTION is one of:
  all [MOPT]      Start the masters and workers that conf/masters and conf/workers name
  local [MOPT]    Start a master and a worker on this host
  master          Start the master on this host
  masters         Start the masters that conf/masters names
  worker [MOPT]   Start the worker on this host
  workers [MOPT]  Start the workers that conf/workers names
  restart_worker, restart_workers
                  Start the worker of this host, or those of conf/workers, where none runs
  safe            Start the master, and start it again whenever it has ended, until this script is stopped
  job_master(s), job_worker(s)
                  Nothing: masters and workers persist and load files themselves

MOPT is one of:
  Mount           Mount the worker's memory folder, as this user
  SudoMount       Mount it with sudo
  NoMount         Use it as it is (the default)

Options:
  -a          do not wait until what is started is ready
  -f          format first, with all, local, master or masters (then only the journal): everything in Alluxio is lost
  -h          print this text
  -i BACKUP   the masters that are started fill their journal, which must be empty, from this backup (docs/moving-in.md)
  -m          check the result with alluxio-monitor.sh
  -N          leave processes that run already as they are; without it they are stopped and started again
  -w          stay until the started processes end; SIGTERM stops them (on this host only)

Other hosts are reached over ssh, with the options of ALLUXIO_SSH_OPTS; Alluxio lies in the same place on each.
END
}

# How long a start is waited for. A long journal takes longer, and goes on in the background.
patience=${ALLUXIO_START_SECONDS:-30}

start_process() { # ROLE
  local role=$1 pid
  if pid=$(running "$role"); then
    echo "The $role runs already (pid $pid)."
    return 0
  fi
  launch "$role" || return 1
  [ -n "$asynchronous" ] || await "$role" "$patience"
}

# Before anything is stopped or started: a worker without its memory could not start.
prepare_memory() {
  case $mount in
    NoMount) refuse_tier_on_disk ;;
    *) mount_ramdisk "$mount" ;;
  esac
}

stop_running() { # ROLE...
  local role
  for role; do
    ! running "$role" >/dev/null || stop_process "$role" || return 1
  done
}

# What the original starts beside, for one line only.
not_needed() { echo "No $1 is needed: masters and workers persist and load files themselves."; }

# Files of settings that only mean something to Java.
idle_files() {
  local name
  for name in log4j.properties metrics.properties; do
    [ ! -f "$ALLUXIO_CONF_DIR/$name" ] ||
      echo "conf/$name has no effect here; for log levels see ALLUXIO_LOG_LEVEL in conf/alluxio-env.sh.template."
  done
}

# SIGTERM may come while something is being started: then this script has the turn already.
stop_on_signal() { trap 'flock -w 300 "$turn"; stop_running "${last_first[@]}"; exit' TERM INT; }

keep_master_up() {
  start_process master || return 1
  while :; do
    flock -u "$turn"
    sleep 2 &
    wait $!
    # Who has the turn may be stopping the master, or starting it.
    running master >/dev/null || ! flock -n "$turn" || start_process master || echo "Trying again." >&2
  done
}

wait_for_their_end() {
  local role
  for role in "${roles[@]}"; do
    while running "$role" >/dev/null; do
      sleep 1 &
      wait $!
    done
  done
}

# Starts what the lists name, by this script on each host.
start_everywhere() { # ACTION
  local failed=
  if [ -n "$format" ]; then
    # What runs must not see its journal go.
    [ "$1" = masters ] || on_hosts workers "$bin/alluxio-stop.sh" worker || return 1
    on_hosts masters "$bin/alluxio-stop.sh" master || return 1
    case $1 in masters) format_journal ;; *) "$bin/alluxio" format ;; esac || return 1
  fi
  case $1 in
    all | masters)
      on_hosts masters "$bin/alluxio-start.sh" ${passed_on[@]+"${passed_on[@]}"} ${backup:+-i "$backup"} master || failed=$?
      # One of several masters is enough for the workers.
      [ "$failed" != 2 ] || return 1
      ;;
  esac
  case $1 in
    all | workers) on_hosts workers "$bin/alluxio-start.sh" ${passed_on[@]+"${passed_on[@]}"} worker "$mount" || failed=1 ;;
    restart_workers) on_hosts workers "$bin/alluxio-start.sh" ${passed_on[@]+"${passed_on[@]}"} restart_worker || failed=1 ;;
  esac
  [ -z "$monitor" ] || "$bin/alluxio-monitor.sh" "${1/restart_/}" || failed=1
  [ -z "$failed" ]
}

monitor= keep= asynchronous= stay= backup= passed_on=()
while getopts ":ahi:mNwc:" option; do
  case $option in
    a) asynchronous=1 passed_on+=(-a) ;;
    h) usage; exit 0 ;;
    i) backup=$OPTARG ;;
    m) monitor=1 ;;
    N) keep=1 passed_on+=(-N) ;;
    w) stay=1 ;;
    c) usage_error "-c (a copy of the worker's memory) is not supported" ;;
    *) usage_error "unknown option, or one without its value: -$OPTARG" ;;
  esac
done
shift $((OPTIND - 1))

action=${1:-}
[ -n "$action" ] || usage_error "which ACTION?"
shift
mount=NoMount
case ${1:-} in Mount | SudoMount | NoMount) mount=$1; shift ;; esac
case ${1:-} in
  "") format= ;;
  -f) format=1; shift ;;
  *) usage_error "$1 is neither a MOPT nor -f" ;;
esac
[ $# = 0 ] || usage_error "unexpected: $*"
if [ -n "$format" ]; then
  # Formatting is never a part of what only concerns a worker: the journal is everybody's.
  case $action in
    all | local | master | masters) ;;
    *) usage_error "-f formats the journal: it goes with all, local, master and masters, not with $action" ;;
  esac
  [ -z "$keep" ] || usage_error "-f stops what runs, -N keeps it: give one of them"
fi

case $action in
  all | masters | workers | restart_workers)
    if is_about_others "$action"; then
      [ -z "$stay" ] || usage_error "-w stays with processes of this host; $action is about others too"
      start_everywhere "$action"
      exit
    fi
    ;;
  job_master | job_masters | job_worker | job_workers) not_needed "$action"; exit 0 ;;
  local | master | worker | restart_worker | safe) ;;
  proxy | proxies) usage_error "$action: there is no proxy (REST and S3) in this version" ;;
  logserver) usage_error "$action: there is no log server; collect logs/*.log with a tool of your choice" ;;
  secondary_master) usage_error "$action: a second master takes the place of secondary masters" ;;
  *) usage_error "unknown ACTION $action" ;;
esac

[ -z "$backup" ] ||
  export ALLUXIO_MASTER_JAVA_OPTS="${ALLUXIO_MASTER_JAVA_OPTS:-} -Dalluxio.master.journal.init.from.backup=$backup"
use_logs_dir && take_turn || exit 1
idle_files
case $action in
  all | local) roles=(master worker) ;;
  master*) roles=(master) ;;
  worker*) roles=(worker) ;;
  restart_worker*) roles=(worker) keep=1 ;;
  safe) roles=(master) keep=1 ;;
esac
case ${roles[*]} in *worker) prepare_memory || exit 1 ;; esac
# Stopped in the other order: the worker tells the master what it still has to tell.
last_first=()
for role in "${roles[@]}"; do last_first=("$role" ${last_first[@]+"${last_first[@]}"}); done
[ -n "$keep" ] || stop_running "${last_first[@]}" || exit 1
if [ -n "$format" ]; then
  case ${roles[*]} in master) what=formatMasters ;; *) what=format ;; esac
  # The program, as the script of this name would format other hosts too.
  "$libexec/alluxio" "$what" || exit 1
fi
if [ -n "$stay" ] || [ "$action" = safe ]; then stop_on_signal; fi
if [ "$action" = safe ]; then
  keep_master_up
  exit
fi
for role in "${roles[@]}"; do
  start_process "$role" || exit 1
done
flock -u "$turn"
if [ -n "$monitor" ]; then
  "$bin/alluxio-monitor.sh" "${action/restart_/}" || exit 1
fi
[ -z "$stay" ] || wait_for_their_end
