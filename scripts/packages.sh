#!/usr/bin/env bash
# Sees to it that the machine has the tools named. Root on Debian: installs the packages that are missing.
# Elsewhere: one line that names them, and failure.
# Usage: packages.sh [build|mounts|java|browser|s3|spark|ssh|kube|nodes|helm|images]...
set -euo pipefail

packages=()
needs() { command -v "$1" >/dev/null || packages+=("$2"); }
for set in "$@"; do
  case $set in
    build)
      needs cc build-essential
      needs make make
      ;;
    mounts)
      needs unshare util-linux
      needs mount mount
      needs ip iproute2
      ;;
    java)
      needs javac openjdk-17-jdk-headless
      needs mvn maven
      ;;
    browser)
      needs chromium chromium
      needs node nodejs
      needs npm npm
      ;;
    s3)
      needs go golang-go
      ;;
    helm)
      needs go golang-go
      needs jq jq
      needs curl curl
      needs openssl openssl
      ;;
    images)
      needs buildah buildah
      needs mmdebstrap mmdebstrap
      needs runc runc
      needs strip binutils
      needs jq jq
      ;;
    spark)
      python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
      ;;
    ssh)
      needs /usr/sbin/sshd openssh-server
      needs ssh openssh-client
      needs rsync rsync
      ;;
    kube)   # the API server
      needs go golang-go
      needs openssl openssl
      needs setpriv util-linux
      ;;
    nodes)   # kubelets, and the image of what the rig runs in pods
      needs containerd containerd
      needs runc runc
      needs /usr/lib/cni/bridge containernetworking-plugins
      needs iptables iptables
      needs conntrack conntrack
      needs ip iproute2
      needs sysctl procps
      needs nsenter util-linux
      needs buildah buildah
      needs busybox busybox-static
      ;;
    *) echo "usage: packages.sh [build|mounts|java|browser|s3|spark|ssh|kube|nodes|helm|images]..." >&2; exit 2 ;;
  esac
done
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing here; install them (names of Debian's packages): ${packages[*]}" >&2
  exit 1
fi
echo "installing ${packages[*]}"
# Tools for tests: no service of theirs is to be started.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
