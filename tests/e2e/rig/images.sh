# Images: files that every node gets, those too that start later.

load_images() { # TAR...
  local tar i
  [ $# -gt 0 ] || die "which images?"
  mkdir -p "$run/images"
  for tar in "$@"; do cp -p "$tar" "$run/images/"; done
  for i in $(nodes); do load_images_of "$i"; done
}

# Once: a node that was killed has its disk, and so its images.
load_images_of() { # I
  local tar done
  for tar in "$bin/rig.tar" "$run"/images/*.tar; do
    [ -e "$tar" ] || continue
    done=$run/nodes/$1/loaded-$(stat -c '%i-%Y-%s' "$tar")
    [ -e "$done" ] && continue
    in_node "$1" ctr --namespace k8s.io images import "$tar" >/dev/null || die "node $1 does not take the image $tar"
    : >"$done"
  done
}
