# conf/masters and conf/workers. These scripts act on this host only: a list with other hosts is refused
# before anything is done, so that no cluster is left half started.

# The hosts of a list, one a line. A list that is not there names this host.
hosts_of() { # masters|workers
  local list=$ALLUXIO_CONF_DIR/$1
  if [ -f "$list" ]; then
    sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$list"
  else
    echo localhost
  fi
}

is_this_host() { # NAME
  case $1 in
    localhost | 127.* | ::1 | "$(hostname)" | "$(host_name)") return 0 ;;
  esac
  local address
  for address in $(hostname -I 2>/dev/null); do
    [ "$address" != "$1" ] || return 0
  done
  return 1
}

# Fails, with one line that says what to type where, when a list names another host.
only_this_host() { # masters|workers COMMAND
  local name others=()
  while read -r name; do
    is_this_host "$name" || others+=("$name")
  done < <(hosts_of "$1")
  [ ${#others[@]} -gt 0 ] || return 0
  echo "$ALLUXIO_CONF_DIR/$1 names other hosts (${others[*]}), and running commands on them over ssh is not" \
    "supported yet. Nothing was done. Run on each of them: $2" >&2
  return 1
}
