#!/usr/bin/env bash
# Builds the S3 server of the tests once (versitygw, from its public Go module) and prints the program's path.
set -euo pipefail

version=v1.8.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/s3
dir=$cache/versitygw-$version

PATH=$("$(dirname "${BASH_SOURCE[0]}")/../../scripts/go.sh"):$PATH
mkdir -p "$cache"
exec 9>"$cache/versitygw.lock"
flock 9   # several tests may ask at once
if [ ! -x "$dir/versitygw" ]; then
  log=$cache/versitygw.log
  rm -rf "$dir.new"
  if ! (cd "$cache" && GOBIN=$dir.new GOFLAGS=-modcacherw go install "github.com/versity/versitygw/cmd/versitygw@$version") >"$log" 2>&1; then
    echo "could not build versitygw $version; the last lines of $log:" >&2
    tail -n 8 "$log" >&2
    exit 1
  fi
  rm -rf "$dir"
  mv "$dir.new" "$dir"
fi
echo "$dir/versitygw"
