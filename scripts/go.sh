#!/usr/bin/env bash
# Prints the folder of a `go` that is new enough for the Go programs of the tests. The one of a distribution is often too old: then
# a newer one is fetched as Go itself does it, as the module golang.org/toolchain, through the `go` at hand and from where that has its modules.
set -euo pipefail

least=1.25    # what versitygw asks for
version=1.26.8
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/go

at_hand=$(command -v go) || { echo "go is missing: scripts/packages.sh kube installs it (Debian: golang-go)" >&2; exit 1; }
have=$(GOTOOLCHAIN=local go env GOVERSION)
if printf '%s\n' "$least" "${have#go}" | sort --version-sort --check=quiet; then
  dirname "$at_hand"
  exit
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9   # several tests may ask at once
dir=$cache/go$version
if [ ! -d "$dir" ]; then
  module=golang.org/toolchain@v0.0.1-go$version.$(go env GOOS)-$(go env GOARCH)
  # Outside of every module, whose rules would hold here too.
  (cd "$cache" && go mod download "$module") >&2 || { echo "could not fetch Go $version ($have is older than $least)" >&2; exit 1; }
  rm -rf "$dir.new"
  cp -r "$(go env GOMODCACHE)/$module" "$dir.new"
  # Modules hold plain files only, that nobody may write.
  chmod -R u+w "$dir.new"
  chmod +x "$dir.new"/bin/* "$dir.new"/pkg/tool/*/*
  mv "$dir.new" "$dir"
fi
echo "$dir/bin"
