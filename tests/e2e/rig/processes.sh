# Processes that outlive the script: started once, found again by id and start time, ended by id.

alive() { # NAME
  local pid start now
  read -r pid start 2>/dev/null <"$run/pid/$1" || return 1
  # A zombie is dead: whoever is its parent may be slow to look.
  now=$(awk '{ print $3 == "Z" ? "dead" : $22 }' "/proc/$pid/stat" 2>/dev/null) || return 1
  [ "$now" = "$start" ]
}

pid_of() { cut -d' ' -f1 "$run/pid/$1"; }

start() { # NAME COMMAND...
  local name=$1 pid
  shift
  if alive "$name"; then return; fi
  mkdir -p "$run/pid" "$run/log"
  setsid env "$mark" "$@" </dev/null >>"$run/log/$name.log" 2>&1 &
  pid=$!
  echo "$pid $(awk '{ print $22 }' "/proc/$pid/stat")" >"$run/pid/$name"
}

signal() { # NAME SIGNAL
  alive "$1" || die "$1 does not run"
  kill -s "$2" "$(pid_of "$1")"
}

# E2E_PATIENCE: so many times as long, on a machine that has other work.
wait_for() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1 * ${E2E_PATIENCE:-1})) what=$2 said
  shift 2
  until said=$("$@" 2>&1); do
    [ "$SECONDS" -lt "$end" ] || die "did not happen in time: $what (${said:-nothing was said}); logs: $run/log"
    sleep 0.2
  done
}

is_gone() { ! alive "$1"; }
