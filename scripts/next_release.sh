#!/usr/bin/env bash
# Builds what an upgrade goes to, for tests: masters and workers of a release that reads one journal format more, and an operator that
# builds pods otherwise. Their images have the tag `next`.
# Usage: next_release.sh TARGET    cargo's folder; programs go to TARGET/next, images to TARGET/images
set -euo pipefail
[ $# = 1 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=$1
# With an example the features of dependencies are those of a build with tests: what is built already stays as it is.
build=(cargo build --release --workspace --bins --example batch_cost)

# Until the second build is done programs of the next release would be taken for those of this one.
trap 'rm -f "$target"/release/alluxio{,-master,-worker,-operator}' EXIT
# Only what depends on the two features is compiled once more, and both variants stay built.
"${build[@]}" --features alluxio-journal/next-format,alluxio-operator/next-template
mkdir -p "$target/next"
for program in alluxio alluxio-master alluxio-worker alluxio-operator; do cp -f "$target/release/$program" "$target/next/"; done
# Programs of this release come back to where everybody looks for them.
"${build[@]}"
trap - EXIT
TAG=next scripts/images.sh build "$target/next" "$target/images"
