# The memory folder of the worker's first tier.

# Without blanks around it.
trimmed() { # TEXT
  local text=${1#"${1%%[![:space:]]*}"}
  echo "${text%"${text##*[![:space:]]}"}"
}

tier_property() { property worker "alluxio.worker.tieredstore.level0.$1"; }

# Sets ram_folder, and ram_bytes; fails when the first tier is not one memory folder.
find_ram_folder() {
  local alias folders
  alias=$(tier_property alias) && folders=$(tier_property dirs.path) || return 1
  if [ "$alias" != MEM ]; then
    echo "alluxio.worker.tieredstore.level0.alias is $alias: only a tier named MEM can be mounted." >&2
    return 1
  fi
  case $folders in
    *,*) echo "alluxio.worker.tieredstore.level0.dirs.path names several folders ($folders): mount them yourself." >&2; return 1 ;;
  esac
  ram_folder=$(trimmed "$folders")
  ram_bytes=$(ALLUXIO_USER_JAVA_OPTS=${ALLUXIO_WORKER_JAVA_OPTS:-} \
    "$libexec/alluxio" getConf --unit B alluxio.worker.tieredstore.level0.dirs.quota)
}

# Whether a folder, or the part of its path that exists, lies in memory.
in_memory() { # FOLDER
  local folder=$1
  while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done
  case $(stat -f -c %T "$folder") in tmpfs | ramfs) return 0 ;; esac
  return 1
}

is_mounted() { mountpoint -q "$1"; }

# A MEM tier on a disk would be slow and could fill that disk.
refuse_tier_on_disk() {
  local alias folders folder
  alias=$(tier_property alias) && folders=$(tier_property dirs.path) || return 1
  [ "$alias" = MEM ] || return 0
  IFS=, read -r -a folders <<<"$folders"
  for folder in "${folders[@]}"; do
    folder=$(trimmed "$folder")
    in_memory "$folder" && continue
    echo "The worker did not start: its memory folder $folder lies on a disk. Mount it (bin/alluxio-mount.sh SudoMount," \
      "or SudoMount after this action), or set ALLUXIO_RAM_FOLDER=/dev/shm/alluxio in conf/alluxio-env.sh, or name the" \
      "tier what it is (alluxio.worker.tieredstore.level0.alias=SSD)." >&2
    return 1
  done
}

# Sets as to what runs a command as root.
become_root() { # Mount|SudoMount|Umount|SudoUmount
  as=()
  case $1 in Sudo*) [ "$(id -u)" = 0 ] || as=(sudo) ;; esac
  [ ${#as[@]} = 0 ] || command -v sudo >/dev/null || { echo "$1 needs sudo, which is not here: as root use ${1#Sudo}." >&2; return 1; }
}

mount_ramdisk() { # Mount|SudoMount
  local as
  become_root "$1" || return 1
  find_ram_folder || return 1
  if is_mounted "$ram_folder"; then
    echo "$ram_folder is mounted already."
    return 0
  fi
  # tmpfs: unlike ramfs it ends at its size.
  ${as[@]+"${as[@]}"} mkdir -p "$ram_folder" &&
    ${as[@]+"${as[@]}"} mount -t tmpfs -o "size=$ram_bytes,mode=1777" alluxio "$ram_folder" ||
    { echo "Could not mount $ram_folder: mounting needs root (SudoMount gets it by sudo)." >&2; return 1; }
  echo "Mounted $ram_bytes bytes of memory at $ram_folder."
}

unmount_ramdisk() { # Umount|SudoUmount
  local as
  become_root "$1" || return 1
  find_ram_folder || return 1
  if ! is_mounted "$ram_folder"; then
    echo "$ram_folder is not mounted."
    return 0
  fi
  ${as[@]+"${as[@]}"} umount "$ram_folder" ||
    { echo "Could not unmount $ram_folder: stop the worker first (bin/alluxio-stop.sh worker)." >&2; return 1; }
  echo "Unmounted $ram_folder. What was only in memory is gone."
}
