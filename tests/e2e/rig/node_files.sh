# The files of a node, run as its first process: folders of its own where kubelet and containerd keep theirs, all on its disk.
# Usage: node_files.sh NAME DISK SHARED PAUSE
set -e
name=$1 disk=$2 shared=$3 pause=$4
hostname "$name"

own() { # FOLDER_OF_THE_DISK PLACE
  mkdir -p "$disk/$1" "$2"
  mount --bind "$disk/$1" "$2"
}

for place in /var/lib /var/log /run /srv; do mount -t tmpfs tmpfs "$place"; done
mkdir -p /run/node /run/tmp /srv/shared
mount --bind "$disk" /run/node
mount --bind "$shared" /srv/shared
own kubelet /var/lib/kubelet
own containerd /var/lib/containerd
own cni /var/lib/cni
own pods /var/log/pods
own containers /var/log/containers
own local /srv/local
# Volumes that kubelet mounts must be seen by containers that run already.
mount --make-rshared /
exec "$pause"
