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
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # The name in parentheses may hold blanks.
  read -r -a stat <<<"${stat##*) }"
  state=${stat[0]}
  [ "$state" != Z ] || return 1
  echo "$1 ${stat[19]} $(</proc/sys/kernel/random/boot_id)"
}

is_alive() { # IDENTITY
  [ "$(identity "${1%% *}")" = "$1" ]
}

pid_file() { echo "$ALLUXIO_LOGS_DIR/$1.pid"; }

# Prints the id of the running process. A file that a crash or another boot left does not count.
running() { # ROLE
  local known
  known=$(cat "$(pid_file "$1")" 2>/dev/null) || return 1
  [ -n "$known" ] && is_alive "$known" && echo "${known%% *}"
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

# Prints the answer of the process behind a web port to whether it serves.
readyz() { # HOST PORT
  timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"
    printf "GET /readyz HTTP/1.0\r\n\r\n" >&3
    cat <&3' "$@" 2>/dev/null
}

is_ready() { # HOST PORT
  local answer
  answer=$(readyz "$@")
  [[ ${answer%%$'\r'*} == *" 200 "* ]]
}

# Why it does not serve, in its own words.
reason_not_ready() { # HOST PORT
  local answer
  answer=$(readyz "$@")
  case $answer in
    *$'\r\n\r\n'?*) echo "${answer#*$'\r\n\r\n'}" ;;
    *) echo "it does not answer on its web port ${2}" ;;
  esac
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
      echo "The $role is not ready yet after $patience s: $(reason_not_ready $address). It goes on in the" \
        "background; see $ALLUXIO_LOGS_DIR/$role.log and $bin/alluxio-monitor.sh $role"
      return 0
    fi
    sleep 0.1
  done
  echo "The $role is ready (pid $(running "$role"), web port ${address#* })."
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

# How long a process may take to end after SIGTERM: longer than a worker gives itself.
stop_seconds=${ALLUXIO_STOP_SECONDS:-180}

# A process that has ended meanwhile needs no signal, and its number may be another process' by now.
send() { # SIGNAL IDENTITY
  local refused
  is_alive "$2" || return 0
  refused=$(kill "-$1" "${2%% *}" 2>&1) || ! is_alive "$2" || { echo "$refused" >&2; return 1; }
}

# SIGTERM, the wait, SIGKILL. Softly it fails instead of killing.
end_processes() { # hard|soft IDENTITY...
  local manner=$1 began=$SECONDS killed= one left
  shift
  for one; do send TERM "$one" || return 1; done
  while :; do
    left=()
    for one; do ! is_alive "$one" || left+=("$one"); done
    [ ${#left[@]} -gt 0 ] || return 0
    if [ -z "$killed" ] && [ $((SECONDS - began)) -ge "$stop_seconds" ]; then
      for one in "${left[@]}"; do
        if [ "$manner" = soft ]; then
          echo "Process ${one%% *} still runs $stop_seconds s after SIGTERM." >&2
          return 1
        fi
        echo "Process ${one%% *} did not end within $stop_seconds s of SIGTERM: it is killed." >&2
        send KILL "$one" || return 1
      done
      killed=1
    fi
    sleep 0.1
  done
}

stop_process() { # ROLE [soft]
  local role=$1 pid known
  if pid=$(running "$role") && known=$(identity "$pid"); then
    echo "Stopping $role @ $(host_name) (pid $pid)."
    end_processes "${2:-hard}" "$known" || return 1
  else
    echo "No $role is running @ $(host_name)."
  fi
  rm -f "$(pid_file "$role")"
}
