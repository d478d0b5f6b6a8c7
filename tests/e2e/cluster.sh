#!/usr/bin/env bash
# A Kubernetes of several real nodes (kubelet, containerd, runc) on this machine, as root, in namespaces that have no way out of it.
#
#   cluster.sh up [N]                 starts it with N nodes (3), or what of it does not run; no node is cut off
#   cluster.sh down                   ends it and forgets all that it held
#   cluster.sh leftovers              what is left of it on the machine; fails when anything is
#   cluster.sh status                 processes, nodes, pods
#   cluster.sh in COMMAND...          runs a command where the cluster is: kubectl, a test, a shell
#   cluster.sh load-image TAR...      brings images (docker-archive) to all nodes
#   cluster.sh node-up I              starts node I, also after node-kill: with the disk it had; joined again
#   cluster.sh node-kill I            the node's power is cut
#   cluster.sh node-cut I | node-join I     no packet to or from the node | again
#   cluster.sh api-cut I | api-join I       the node and its pods do not reach the API server | again
#   cluster.sh in-node I COMMAND...   runs a command in the node
#   cluster.sh signal NAME SIGNAL     to a process of the control plane; up starts it again when it has ended
#   cluster.sh api-up                 starts the API server again, and waits until it is ready
#   cluster.sh kwok                   starts kwok: nodes with the annotation kwok.x-k8s.io/node=fake become ready
#   cluster.sh evidence FOLDER        objects, events and logs of everything, for the reader of a failed test
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/kube
bin=$cache/bin
# All that belongs to one life of the cluster.
run=${ALLUXIO_KUBE_RUN:-$cache/run}
mark=ALLUXIO_KUBE_RIG=$run

say() { echo "$(date +%T) $*" >&2; }
die() { echo "cluster.sh: $*" >&2; exit 1; }

# shellcheck source-path=SCRIPTDIR
for part in processes hub network control_plane node images evidence; do . "$here/rig/$part.sh"; done

up() { # N
  local count=$1 began=$SECONDS i
  network_up
  control_plane_up
  say "control plane after $((SECONDS - began)) s"
  for i in $(seq "$count"); do node_up "$i"; done
  for i in $(seq "$count"); do node_ready "$i"; done
  wait_for 120 "CoreDNS is ready" kubectl -n kube-system rollout status daemonset/coredns --timeout=1s
  say "$count nodes after $((SECONDS - began)) s"
}

usage() { sed -n '2,/^set/{/^set/d;p}' "${BASH_SOURCE[0]}" | cut -c3-; exit 2; }

command=${1:-}
[ $# = 0 ] || shift
case $command in
  down) hub_down; exit ;;
  leftovers) leftovers; exit ;;
  up | in | status | load-image | node-up | node-kill | node-cut | node-join | api-cut | api-join | api-up | in-node | signal | kwok | evidence) ;;
  *) usage ;;
esac
if ! is_inside; then
  if [ "$command" = up ]; then hub_up; fi
  enter_hub "$here/cluster.sh" "$command" "$@"
fi

case $command in
  up) up "${1:-3}" ;;
  in) exec "$@" ;;
  status) status ;;
  load-image) load_images "$@" ;;
  node-up) node_up "$1"; node_ready "$1" ;;
  node-kill) node_kill "$1" ;;
  node-cut) ip link set "rig$1" down ;;
  node-join) ip link set "rig$1" up ;;
  api-cut) api_cut "$1" ;;
  api-join) api_join "$1" ;;
  api-up) api_up ;;
  in-node) in_node "$@" ;;
  signal) signal "$1" "$2" ;;
  kwok) kwok_up ;;
  evidence) evidence "$1" ;;
esac
