# Starting, finding and stopping the master and the worker of this installation.

# Where both write, and where the files are by which they are found again.
use_logs_dir() {
  ALLUXIO_LOGS_DIR=$(property master alluxio.logs.dir) || return 1
  export ALLUXIO_LOGS_DIR
  mkdir -p "$ALLUXIO_LOGS_DIR" && [ -w "$ALLUXIO_LOGS_DIR" ] && return
  echo "Cannot write to the log folder $ALLUXIO_LOGS_DIR: set ALLUXIO_LOGS_DIR in conf/alluxio-env.sh" >&2
  return 1
}

# Only one script at a time starts or stops something here.
take_turn() {
  exec {turn}>"$ALLUXIO_LOGS_DIR/.scripts.lock"
  flock -w 300 "$turn" || { echo "Another script has been starting or stopping Alluxio here for 5 minutes." >&2; return 1; }
}

# What tells a process from a later one with the same number: when it started, and since which boot.
identity() { # PID
  local stat state
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The name in parentheses may hold blanks.
  read -r -a stat <<<"${stat##*) }"
  state=${stat[0]}
  [ "$state" != Z ] || return 1
  echo "$1 ${stat[19]} $(cat /proc/sys/kernel/random/boot_id)"
}

pid_file() { echo "$ALLUXIO_LOGS_DIR/$1.pid"; }

# Prints the id of the running process. A file that a crash or another boot left does not count.
running() { # ROLE
  local known pid
  known=$(cat "$(pid_file "$1")" 2>/dev/null) || return 1
  pid=${known%% *}
  [ -n "$pid" ] && [ "$(identity "$pid")" = "$known" ] && echo "$pid"
}

# The address of a role's web port, as "HOST PORT".
web_address() { # ROLE
  local host port
  host=$(property "$1" "alluxio.$1.web.bind.host") && port=$(property "$1" "alluxio.$1.web.port") || return 1
  case $host in 0.0.0.0) host=127.0.0.1 ;; ::) host=::1 ;; esac
  echo "$host $port"
}

is_open() { # HOST PORT
  timeout 5 bash -c ': <>"/dev/tcp/$0/$1"' "$@" 2>/dev/null
}

# Whether the process behind a web port says that it serves.
is_ready() { # HOST PORT
  timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"
    printf "GET /readyz HTTP/1.0\r\n\r\n" >&3
    read -r status <&3 && [[ $status == *" 200 "* ]]' "$@" 2>/dev/null
}

# Starts the process; the caller waits for it with await.
launch() { # ROLE
  local role=$1 address pid
  address=$(web_address "$role") || return 1
  # Somebody else's answer on this port would look like the readiness of ours.
  if is_open $address; then
    echo "The $role did not start: port ${address#* } is in use. Stop what uses it (perhaps another Alluxio)," \
      "or choose another port with alluxio.$role.web.port in conf/alluxio-site.properties." >&2
    return 1
  fi
  echo "Starting $role @ $(host_name). Logging to $ALLUXIO_LOGS_DIR"
  # Log lines go to ROLE.log, which the program rotates; what it cannot log goes to ROLE.out.
  setsid nohup "$libexec/alluxio-$role" </dev/null >/dev/null 2>"$ALLUXIO_LOGS_DIR/$role.out" {turn}>&- &
  pid=$!
  # So that bash has nothing to say about its end.
  disown "$pid"
  identity "$pid" >"$(pid_file "$role")"
}

# Waits until it serves. A process that ended is a failure, with the reason; a slow one is not.
await() { # ROLE SECONDS
  local role=$1 patience=$2 address began=$SECONDS
  address=$(web_address "$role") || return 1
  until is_ready $address; do
    if ! running "$role" >/dev/null; then
      echo "The $role did not start:" >&2
      why "$role" >&2
      return 1
    fi
    if [ $((SECONDS - began)) -ge "$patience" ]; then
      echo "The $role is not ready yet after $patience s: $(not_ready_because "$role"). It goes on in the" \
        "background; see $ALLUXIO_LOGS_DIR/$role.log and $bin/alluxio-monitor.sh $role"
      return 0
    fi
    sleep 0.1
  done
  echo "The $role is ready (pid $(running "$role"), web port ${address#* })."
}

not_ready_because() {
  case $1 in
    master) echo "it still reads its journal" ;;
    worker) echo "it has not registered with a master" ;;
  esac
}

# The reason of a failed start.
why() { # ROLE
  local out=$ALLUXIO_LOGS_DIR/$1.out log=$ALLUXIO_LOGS_DIR/$1.log
  if [ -s "$out" ]; then
    tail -n 20 "$out"
  elif [ -s "$log" ]; then
    tail -n 5 "$log"
  else
    echo "it left no message"
  fi
  echo "Logs: $log"
}

# SIGTERM, 120 s, SIGKILL.
stop_process() { # ROLE [soft]
  local role=$1 soft=${2:-} pid began=$SECONDS limit=${ALLUXIO_STOP_SECONDS:-120}
  if ! pid=$(running "$role"); then
    rm -f "$(pid_file "$role")"
    echo "No $role is running @ $(host_name)."
    return 0
  fi
  echo "Stopping $role @ $(host_name) (pid $pid)."
  kill -TERM "$pid" || return 1
  while running "$role" >/dev/null; do
    if [ $((SECONDS - began)) -ge "$limit" ]; then
      if [ -n "$soft" ]; then
        echo "The $role (pid $pid) still runs $limit s after SIGTERM." >&2
        return 1
      fi
      echo "The $role (pid $pid) did not end within $limit s of SIGTERM: it is killed." >&2
      kill -KILL "$pid"
      while running "$role" >/dev/null; do sleep 0.1; done
      break
    fi
    sleep 0.1
  done
  rm -f "$(pid_file "$role")"
}
