# The hub: the namespaces (mount, network, processes) in which all of the cluster lives. Its network has no other link than the
# rig's own bridge, so nothing can leave the machine, and nothing there can clash with what the machine has. When its first
# process is killed, the kernel ends all others and takes mounts, links and routes away.

id=$(printf %s "$run" | cksum | cut -d' ' -f1)
# Of the cgroups, which belong to no namespace: nodes are beside each other, as kubelet wants them.
cgroup=alluxio-rig-$id

is_inside() { [ "${ALLUXIO_KUBE_RIG:-}" = "$run" ]; }

# The id of the hub's first process, in the machine's eyes: the only child of unshare.
hub_process() {
  local unshare
  unshare=$(pid_of hub) && tr -d ' ' <"/proc/$unshare/task/$unshare/children"
}

is_pause() { [ "$(readlink "/proc/$1/exe")" = "$(readlink -f "$bin/pause")" ]; }
hub_is_up() { is_pause "$(hub_process)"; }

hub_up() {
  local program
  [ "$(id -u)" = 0 ] || die "only root can start nodes"
  for program in pause etcd kube-apiserver kubelet kubectl rig.tar; do
    [ -e "$bin/$program" ] || die "there is no $program: tests/kube/fetch.sh cluster builds it"
  done
  # What nodes have there of their own would hide these folders.
  case $bin:$run in
    /run/* | /srv/* | /opt/* | /var/lib/* | /var/log/* | *:/run/* | *:/srv/* | *:/opt/* | *:/var/lib/* | *:/var/log/*)
      die "$bin and $run must not lie in /run, /srv, /opt, /var/lib or /var/log: set XDG_CACHE_HOME" ;;
  esac
  if alive hub; then return; fi
  # What a cluster has left that ended with the machine.
  hub_down
  start hub unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private "$bin/pause"
  wait_for 10 "the hub starts" hub_is_up
}

# In the hub, in the same folder; does not come back.
enter_hub() { # COMMAND...
  alive hub || die "no cluster runs: $here/cluster.sh up starts one"
  # A process that enters a mount namespace finds itself in its root.
  exec nsenter --target "$(hub_process)" --mount --net --pid -- \
    env "$mark" KUBECONFIG="$run/admin.conf" PATH="$bin:$PATH" sh -c 'cd "$1" && shift && exec "$@"' - "$PWD" "$@"
}

hub_down() {
  if is_inside; then die "down is for outside of the cluster"; fi
  if alive hub; then
    kill -s KILL "$(hub_process)"
    wait_for 30 "the hub ends" is_gone hub
  fi
  wait_for 30 "cgroups go" remove_cgroups
  rm -rf "$run"
}

cgroups() { find /sys/fs/cgroup -maxdepth 2 -type d -name "$cgroup-node*"; }

# Deepest first; one that still has a dying process stays for the next round.
remove_cgroups() { # [NODE]
  local root
  for root in $(cgroups); do
    if [ -n "${1:-}" ] && [ "${root##*-node}" != "$1" ]; then continue; fi
    find "$root" -depth -type d -exec rmdir {} + 2>/dev/null || return 1
  done
}

leftovers() {
  if is_inside; then die "leftovers is for outside of the cluster"; fi
  local found=() file pid
  for file in /proc/[0-9]*; do
    pid=${file#/proc/}
    if grep -qzxF "$mark" "$file/environ" 2>/dev/null || grep -q "/$cgroup-" "$file/cgroup" 2>/dev/null; then
      found+=("process $pid: $(tr '\0' ' ' <"$file/cmdline" 2>/dev/null)")
    fi
  done
  while read -r file; do found+=("mount $file"); done < <(awk -v run="$run" 'index($2 "/", run "/") == 1 { print $2 }' /proc/self/mounts)
  while read -r file; do found+=("cgroup $file"); done < <(cgroups)
  while read -r file; do found+=("link $file"); done < <(ip -o link show | awk -F': ' '$2 ~ /^rig/ { print $2 }')
  if [ -e "$run" ]; then found+=("folder $run"); fi
  [ ${#found[@]} = 0 ] || { printf '%s\n' "${found[@]}"; return 1; }
}

status() {
  local name
  for name in "$run"/pid/*; do
    name=${name##*/}
    [ "$name" = hub ] || if alive "$name"; then echo "$name runs, process $(pid_of "$name")"; else echo "$name has ended"; fi
  done
  kubectl get nodes -o wide
  kubectl get pods -A -o wide
}
