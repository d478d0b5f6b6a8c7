#!/usr/bin/env bash
# Builds the images of master, worker and operator, and loads them into clusters; the same with docker, podman and buildah.
#
# Usage: images.sh build PROGRAMS FOLDER    PROGRAMS has the built programs; FOLDER gets NAME-TAG.tar for each image
#        images.sh load FOLDER              into each of the clusters named by KIND, MINIKUBE, CTR
#
#   ENGINE     docker, podman or buildah; without it the first of them that works
#   REGISTRY   stands before the images' names (localhost)
#   TAG        the images' tag (the version)
#   BASE       an image to build upon; without it the base is made of Debian's packages (deploy/images/rootfs.sh)
#   IMAGES     which images ("alluxio-master alluxio-worker alluxio-operator")
#   KIND       a cluster of kind         MINIKUBE   a profile of minikube
#   CTR        a namespace of the containerd on this host: k8s.io is kubelet's
set -euo pipefail
usage() { sed -n '4,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
self=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
registry=${REGISTRY:-localhost}
read -r -a images <<<"${IMAGES:-alluxio-master alluxio-worker alluxio-operator}"

find_engine() {
  local engine
  # The programs may be there without a daemon to speak to.
  for engine in docker podman buildah; do
    if command -v "$engine" >/dev/null && timeout 20 "$engine" info >/dev/null 2>&1; then
      echo "$engine"
      return
    fi
  done
  echo "none of docker, podman and buildah works here: install one (Debian: apt-get install buildah), or start its daemon" >&2
  return 1
}

# make_context PROGRAMS: the folder that the engine builds from, in $context.
make_context() {
  local programs=$1 image
  mkdir -p "$context/programs" "$context/alluxio"
  for image in alluxio "${images[@]}"; do
    [ -x "$programs/$image" ] || { echo "$programs/$image is missing: cargo build --release --workspace" >&2; return 1; }
    strip -o "$context/programs/$image" "$programs/$image"
  done
  cp -R "$self"/deploy/{bin,conf,libexec} "$context/alluxio/"
  cp "$self/LICENSE" "$context/alluxio/"
  cp "$self"/deploy/images/{Containerfile,entrypoint.sh} "$context/"
  chmod -R u=rwX,go=rX "$context"
}

# build_image ENGINE NAME FILE [ARGUMENT]...
build_image() {
  local engine=$1 name=$2 file=$3 command limit most
  shift 3
  # The RUN lines need no network: what an engine would set up for it may be missing.
  case $engine in
    # BuildKit where it is: newer clients have it as a plugin and fail when told to use one that is not there. No record of the build
    # beside the image, which would make an index of it.
    docker) export BUILDX_NO_DEFAULT_ATTESTATIONS=1; command=(docker build --network none) ;;
    podman) command=(podman build --format docker --layers --network none) ;;
    # Within a container nothing but chroot can be counted on; the RUN lines need no more.
    buildah) command=(buildah bud --format docker --layers --isolation "${BUILDAH_ISOLATION:-chroot}") ;;
  esac
  # Podman and buildah set these two to a million, which fails where not even root may have more than the limit of this process. Some
  # of their versions lower their own limit to the kernel's pid_max before that; the RUN lines need far less than either.
  if [ "$engine" != docker ]; then
    for limit in nofile:$(ulimit -Hn) nproc:$(ulimit -Hu); do
      most=${limit#*:}
      [ "$most" != unlimited ] && [ "$most" -lt 32768 ] || most=32768
      command+=(--ulimit "${limit%:*}=$most:$most")
    done
  fi
  "${command[@]}" --file "$context/$file" --tag "$name" "$@" "$context"
}

# The image of Debian's packages: its files are fetched once, and anew when the script that does it changes. Sets $base.
make_base() { # ENGINE FOLDER
  local stamp kept
  stamp=$(sha256sum <"$self/deploy/images/rootfs.sh" | cut -c 1-12)-$(uname -m)
  kept=$2/rootfs-$stamp.tar
  [ -s "$kept" ] || "$self/deploy/images/rootfs.sh" "$kept"
  ln "$kept" "$context/rootfs.tar" 2>/dev/null || cp "$kept" "$context/rootfs.tar"
  printf '%s\n' 'FROM scratch' 'ADD rootfs.tar /' >"$context/Containerfile.base"
  base=localhost/alluxio-base:$stamp
  build_image "$1" "$base" Containerfile.base
  rm "$context/rootfs.tar"
}

# archive ENGINE NAME FILE
archive() {
  rm -f "$3.new"
  case $1 in
    docker) docker save --output "$3.new" "$2" ;;
    podman) podman save --quiet --format docker-archive --output "$3.new" "$2" ;;
    buildah) buildah push --quiet "$2" "docker-archive:$3.new:$2" ;;
  esac
  mv "$3.new" "$3"
}

build() { # PROGRAMS FOLDER
  local programs folder engine version revision tag image name base=${BASE:-}
  programs=$(cd "$1" && pwd)
  mkdir -p "$2"
  folder=$(cd "$2" && pwd)
  engine=${ENGINE:-$(find_engine)}
  case $engine in docker | podman | buildah) ;; *) echo "ENGINE=$engine: docker, podman or buildah" >&2; return 2 ;; esac
  version=$("$programs/alluxio" version)
  revision=$(git -C "$self" rev-parse HEAD 2>/dev/null) || revision=unknown
  tag=${TAG:-$version}
  context=$(mktemp -d "$folder/.context.XXXXXX")
  trap 'rm -rf "$context"' EXIT
  make_context "$programs"
  [ -n "$base" ] || make_base "$engine" "$folder"
  for image in "${images[@]}"; do
    name=$registry/$image:$tag
    build_image "$engine" "$name" Containerfile --target "$image" \
      --build-arg "BASE=$base" --label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$revision"
    archive "$engine" "$name" "$folder/$image-$tag.tar"
    echo "$name, also in $folder/$image-$tag.tar"
  done
}

load() { # FOLDER
  local folder=$1 tag file image
  [ -n "${KIND:-}${MINIKUBE:-}${CTR:-}" ] || { echo "say where to: KIND=cluster, MINIKUBE=profile or CTR=k8s.io" >&2; return 2; }
  for image in "${images[@]}"; do
    tag=${TAG:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$self/Cargo.toml" | head -n 1)}
    file=$folder/$image-$tag.tar
    [ -s "$file" ] || { echo "$file is missing: make images" >&2; return 1; }
    [ -z "${KIND:-}" ] || kind load image-archive "$file" --name "$KIND"
    if [ -n "${MINIKUBE:-}" ]; then
      minikube --profile "$MINIKUBE" image load "$file"
      # That ends well also when the cluster does not run or has refused the archive.
      minikube --profile "$MINIKUBE" image ls | grep "/$image:$tag\$" >/dev/null ||
        { echo "$image:$tag is not in minikube's profile $MINIKUBE; does it run? minikube --profile $MINIKUBE status" >&2; return 1; }
    fi
    [ -z "${CTR:-}" ] || ctr --namespace "$CTR" images import "$file"
  done
}

case ${1:-}/$# in
  build/3) build "$2" "$3" ;;
  load/2) load "$2" ;;
  *) usage ;;
esac
