#!/usr/bin/env bash
# Builds Kubernetes from its published Go modules, each program once, and prints the folder that holds the programs.
#   fetch.sh apiserver   kube-apiserver and etcd: all that the stage `kube` needs
#   fetch.sh helm        helm
#   fetch.sh cluster     everything that a cluster with nodes needs, and the image of what the rig itself runs in pods
# The versions are those of go.mod; Go keeps its modules and objects in its own folders, outside of this tree.
set -euo pipefail

version=v1.34.4      # of Kubernetes, as in go.mod: programs say it, and Helm compares it
kwok=v0.7.0          # built by itself: it does not compile with these versions of Kubernetes' modules
kwok_sum=h1:+eGsNOIPapjsSzeZlOEcwbpyEVa2Vqlcafa0qIjaKV4=   # as in go.sum; the module's own go.sum has those of what it needs

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/kube
bin=$cache/bin
usage='usage: fetch.sh apiserver|helm|cluster'
# A changed module makes new programs. A second build of the same versions only links: half a minute.
stamp=$(cd "$here" && (cat go.mod go.sum coredns/main.go && echo "$version $kwok") | sha256sum | cut -d' ' -f1)
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-modcacherw -mod=readonly'

fresh() { [ -e "$bin/$1" ] && [ "$(cat "$bin/$1.stamp" 2>/dev/null)" = "$stamp" ]; }

# once NAME COMMAND...: runs it, unless NAME was made of the same sources before; says where it went wrong.
once() {
  local name=$1 log=$cache/$1.log
  shift
  if fresh "$name"; then return; fi
  exec 9>"$cache/$name.lock"
  flock 9   # several may ask at once
  if fresh "$name"; then return; fi
  rm -f "$bin/$name.stamp"
  if ! "$@" >"$log" 2>&1; then
    echo "could not build $name; the last lines of $log:" >&2
    tail -n 8 "$log" >&2
    exit 1
  fi
  echo "$stamp" >"$bin/$name.stamp"
}

go_program() { # NAME PACKAGE
  local of=k8s.io/component-base/version
  (cd "$here" && go build -trimpath -o "$bin/$1" -ldflags "-s -w -X $of.gitVersion=$version -X $of.gitMajor=1 -X $of.gitMinor=34 \
    -X $of.gitTreeState=clean -X $of.gitCommit=module -X $of.buildDate=2026-01-01T00:00:00Z" "$2")
}

kwok_program() (
  cd "$cache"
  export GOFLAGS=-modcacherw GOBIN=$bin
  if ! go mod download -json "sigs.k8s.io/kwok@$kwok" | grep -F "\"Sum\": \"$kwok_sum\""; then
    echo "the module of kwok $kwok is not the one with the sum $kwok_sum"
    return 1
  fi
  go install -trimpath -ldflags '-s -w' "sigs.k8s.io/kwok/cmd/kwok@$kwok"
)

pause_program() { cc -Os -static -s -Wall -Werror -o "$bin/pause" "$here/image/pause.c"; }

# A docker-archive that `ctr images import` takes, by the tool that also builds the product's images.
image() {
  local context=$cache/image store=$cache/store
  local buildah=(buildah --storage-driver vfs --root "$store/root" --runroot "$store/run")
  rm -rf "$context" "$store" "$bin/rig.tar" &&
    mkdir -p "$context" "$store" &&
    cp "$here"/image/{Containerfile,passwd,group} "$bin"/{pause,coredns} "$(command -v busybox)" "$context" &&
    "${buildah[@]}" bud --isolation chroot --tag localhost/rig:1 "$context" &&
    "${buildah[@]}" push localhost/rig:1 "docker-archive:$bin/rig.tar:localhost/rig:1" &&
    rm -rf "$context" "$store"
}

apiserver() {
  once etcd go_program etcd go.etcd.io/etcd/server/v3
  once kube-apiserver go_program kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
}

helm() { once helm go_program helm helm.sh/helm/v3/cmd/helm; }

cluster() {
  local name
  apiserver
  helm
  for name in kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    once "$name" go_program "$name" "k8s.io/kubernetes/cmd/$name"
  done
  once coredns go_program coredns ./coredns
  once local-path-provisioner go_program local-path-provisioner github.com/rancher/local-path-provisioner
  once kwok kwok_program
  stamp+=-$(cat "$here"/image/* | sha256sum | cut -d' ' -f1)
  once pause pause_program
  once rig.tar image
}

share=${1:?$usage}
case $share in apiserver | helm | cluster) ;; *) echo "$usage" >&2; exit 2 ;; esac
PATH=$("$here/../../scripts/go.sh"):$PATH
mkdir -p "$bin"
"$share"
echo "$bin"
