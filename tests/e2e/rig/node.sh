# A node: namespaces in the hub's, whose first process is the power switch, and kubelet, containerd and kube-proxy in them.

node_process() { # I: the id of its first process, the only child of unshare
  local unshare
  unshare=$(pid_of "node$1") && tr -d ' ' <"/proc/$unshare/task/$unshare/children"
}

in_node() { # I COMMAND...
  alive "node$1" || die "node $1 does not run"
  nsenter --target "$(node_process "$1")" --mount --net --uts --ipc --pid -- "${@:2}"
}

# The nodes that run.
nodes() {
  local name
  for name in "$run"/pid/node*; do
    name=${name##*/}
    if alive "$name"; then echo "${name#node}"; fi
  done
}

node_is_up() { is_pause "$(node_process "$1")"; }

# What nsenter starts in a node does not outlive it, and the reverse.
start_in_node() { # I NAME COMMAND...
  start "$2$1" nsenter --target "$(node_process "$1")" --mount --net --uts --ipc --pid -- \
    env TMPDIR=/run/tmp setpriv --pdeathsig KILL "${@:3}"
}

node_up() { # I
  local i=$1 disk=$run/nodes/$1 name=node$1 address
  [[ $i =~ ^[1-9][0-9]?$ ]] || die "nodes have numbers from 1 to 99, not '$i'"
  address=$(node_address "$i")
  mkdir -p "$disk/net" "$run/shared"
  chmod 1777 "$run/shared"
  certificate client "$name" ca "system:node:$name" system:nodes
  certificate server "$name-serving" ca "$name" "IP:$address,DNS:$name"
  kubeconfig "$disk/kubelet.conf" "$name"
  cp "$run/proxy.conf" "$run/resolv.conf" "$keys/ca.crt" "$disk"
  cp "$keys/$name-serving.crt" "$disk/serving.crt"
  cp "$keys/$name-serving.key" "$disk/serving.key"
  sed "s/@PODS@/$pods.$i.0\/24/" "$here/rig/pods.conflist" >"$disk/net/pods.conflist"
  node_cgroups "$name"
  if ! alive "$name"; then
    start "$name" unshare --mount --net --uts --ipc --pid --fork --kill-child --mount-proc --propagation private \
      sh "$here/rig/node_files.sh" "$name" "$disk" "$run/shared" "$bin/pause"
    wait_for 10 "$name starts" node_is_up "$i"
    node_network_up "$i"
  fi
  joined "$i"
  start_in_node "$i" containerd containerd --config "$here/rig/containerd.toml" --log-level warn
  wait_for 30 "containerd runs on $name" in_node "$i" ctr version
  load_images_of "$i"
  start_in_node "$i" kubelet "$bin/kubelet" --config="$here/rig/kubelet.yaml" --kubeconfig=/run/node/kubelet.conf \
    --hostname-override="$name" --node-ip="$address" --address="$address" --cgroup-root="/$cgroup-$name" --v=1
  start_in_node "$i" kube-proxy "$bin/kube-proxy" --config="$here/rig/kube-proxy.yaml" --hostname-override="$name"
}

# kubelet wants its root to be there. On machines with one hierarchy per controller (cgroup v1) cpuset takes no process before
# it has processors and memory.
node_cgroups() { # NAME
  local root file
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$cgroup-$1"
    idle_too "/sys/fs/cgroup/$cgroup-$1"
    return
  fi
  for root in /sys/fs/cgroup/*/; do
    case $root in */unified/) continue ;; esac
    mkdir -p "$root$cgroup-$1"
  done
  for file in cpuset.cpus cpuset.mems; do
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$cgroup-$1/$file"
  done
  idle_too "/sys/fs/cgroup/cpu/$cgroup-$1"
}

# A group has its share of the processors whatever the priority of those in it: started at idle priority, its nodes shall disturb
# nobody either.
idle_too() { # FOLDER
  if chrt --pid $$ | grep -q SCHED_IDLE; then echo 1 >"$1/cpu.idle"; fi
}

node_ready() { # I
  wait_for 120 "node $1 is ready" kubectl wait --for=condition=Ready "node/node$1" --timeout=1s
}

# The kernel ends all its processes at once, as when the power goes. The disk stays.
node_kill() { # I
  local i=$1
  alive "node$i" || die "node $i does not run"
  kill -s KILL "$(node_process "$i")"
  wait_for 30 "node $i ends" is_gone "node$i"
  rm -f "$run/pid/"{node,containerd,kubelet,kube-proxy}"$i"
  ip route del "$pods.$i.0/24" || true
  # The kernel may have been faster.
  ip link del "rig$i" 2>/dev/null || true
  wait_for 30 "the cgroups of node $i go" remove_cgroups "$i"
}
