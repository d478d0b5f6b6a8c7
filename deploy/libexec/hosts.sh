# The hosts of conf/masters and conf/workers, and running commands on them: here directly, elsewhere over ssh.

# The hosts of a list, one a line, each once; several may stand on a line of it. A list that is not there names this host.
hosts_of() { # masters|workers
  local list=$ALLUXIO_CONF_DIR/$1
  if [ -f "$list" ]; then
    sed 's/#.*//' "$list" | tr -s '[:space:]' '\n' | awk 'NF && !seen[$0]++'
  else
    echo localhost
  fi
}

# Fails, and says so, when a list names nobody: what is asked for would be done nowhere.
names_somebody() { # masters|workers
  [ -z "$(hosts_of "$1")" ] || return 0
  echo "$ALLUXIO_CONF_DIR/$1 names no host: write one a line." >&2
  return 1
}

is_this_host() { # NAME
  case $1 in
    localhost | 127.0.0.1 | ::1 | "$(hostname)" | "$(host_name)") return 0 ;;
  esac
  local address
  for address in $(hostname -I 2>/dev/null); do
    [ "$address" != "$1" ] || return 0
  done
  return 1
}

names_this_host() { # masters|workers
  local name
  while read -r name; do
    ! is_this_host "$name" || return 0
  done < <(hosts_of "$1")
  return 1
}

# Whether a list names anything but this host.
goes_beyond() { # masters|workers
  local name
  names_this_host "$1" || return 0
  while read -r name; do
    is_this_host "$name" || return 0
  done < <(hosts_of "$1")
  return 1
}

# Whether an action is about other hosts.
is_about_others() { # ACTION
  case $1 in
    all) goes_beyond masters || goes_beyond workers ;;
    masters) goes_beyond masters ;;
    workers | restart_workers) goes_beyond workers ;;
    *) return 1 ;;
  esac
}

# The first value of an option counts for ssh: those of ALLUXIO_SSH_OPTS stand first. Nobody is asked for a password, as all hosts
# would ask at once. The key of a new host is accepted, but by an ssh before 7.6, which ends when it reads of that.
ssh_command() {
  local keys="-o StrictHostKeyChecking=accept-new"
  ssh -F /dev/null $keys -G localhost >/dev/null 2>&1 || keys=
  echo "ssh ${ALLUXIO_SSH_OPTS:-} -o BatchMode=yes -o ConnectTimeout=5 $keys"
}

# Words for any shell that may be the login shell of another host; bash alone understands what its own %q prints.
quoted() { # WORD...
  local word quote=\'\"\'\"\'
  for word; do printf "'%s' " "${word//\'/$quote}"; done
}

# Runs a command on one host. Elsewhere the installation lies in the same place.
on_host() { # HOST COMMAND...
  local host=$1
  shift
  if is_this_host "$host"; then
    "$@" </dev/null
    return
  fi
  $(ssh_command) -n -- "$host" "ALLUXIO_HOME=$(quoted "$ALLUXIO_HOME")ALLUXIO_CONF_DIR=$(quoted "$ALLUXIO_CONF_DIR")$(quoted "$@")"
}

# Runs a command on all hosts of a list at the same time. Each line is shown with its host. Fails with 1 when it failed on some,
# and with 2 when it was done on none.
on_hosts() { # masters|workers COMMAND...
  local list=$1 host at hosts=() running=() failed=()
  shift
  names_somebody "$list" || return 2
  while read -r host; do hosts+=("$host"); done < <(hosts_of "$list")
  for host in ${hosts[@]+"${hosts[@]}"}; do
    { on_host "$host" "$@" 2>&1 | labelled "$host"; } &
    running+=($!)
  done
  for at in ${running[@]+"${!running[@]}"}; do
    wait "${running[$at]}" || failed+=("${hosts[$at]}")
  done
  [ ${#failed[@]} -gt 0 ] || return 0
  echo "It failed on ${failed[*]} (see above): $*" >&2
  [ ${#failed[@]} -lt ${#hosts[@]} ] || return 2
  return 1
}

# Empties the journal, where a master is: here, if one is here, else on the first master's host.
format_journal() {
  local host
  if names_this_host masters; then
    "$libexec/alluxio" formatMasters
    return
  fi
  names_somebody masters || return 1
  read -r host < <(hosts_of masters)
  on_host "$host" "$bin/alluxio" formatMasters
}

labelled() { # HOST
  local line
  while IFS= read -r line || [ -n "$line" ]; do printf '[%s] %s\n' "$1" "$line"; done
}

# The end of alluxio-masters.sh and alluxio-workers.sh.
on_hosts_as_asked() { # masters|workers COMMAND...
  if [ $# = 1 ] || [ "$2" = -h ]; then
    echo "Usage: alluxio-$1.sh COMMAND [ARGUMENT...]    runs it on each host of conf/$1, elsewhere over ssh" >&2
    [ $# -gt 1 ]
    exit
  fi
  on_hosts "$@"
}
