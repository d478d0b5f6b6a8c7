#!/usr/bin/env bash
# Mounts and unmounts the memory folder of the worker of this host, or of those of conf/workers.
set -uo pipefail
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../libexec/alluxio-config.sh"
for part in hosts ramdisk; do . "$libexec/$part.sh"; done

usage() {
  cat <<'END'
Usage: alluxio-mount.sh Mount|SudoMount|Umount|SudoUmount [local|workers]

Mounts alluxio.worker.tieredstore.level0.dirs.path as memory (tmpfs) of the size
alluxio.worker.tieredstore.level0.dirs.quota, or unmounts it. With Sudo: by sudo.
  local     on this host (the default)
  workers   on the hosts that conf/workers names
END
}

case ${1:-} in
  Mount | SudoMount | Umount | SudoUmount) ;;
  -h) usage; exit 0 ;;
  *) usage_error "Mount or Umount?" ;;
esac
case ${2:-local} in
  local) ;;
  workers)
    if is_about_others workers; then
      on_hosts workers "$bin/alluxio-mount.sh" "$1" local
      exit
    fi
    ;;
  *) usage_error "$2 is neither local nor workers" ;;
esac
case $1 in
  *Umount) unmount_ramdisk "$1" ;;
  *) mount_ramdisk "$1" ;;
esac
