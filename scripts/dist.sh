#!/usr/bin/env bash
# Packs what a host needs into alluxio-<version>-linux-<processor>.tar.gz: the built programs, the scripts of deploy/, templates, docs.
# Usage: dist.sh PROGRAMS FOLDER    PROGRAMS has alluxio, alluxio-master, alluxio-worker; the file is made in FOLDER
set -euo pipefail
[ $# = 2 ] || { sed -n '3s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }
programs=$(cd "$1" && pwd)
mkdir -p "$2"
folder=$(cd "$2" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=$("$programs/alluxio" version)
name=alluxio-$version
staging=$(mktemp -d "$folder/.staging.XXXXXX")
trap 'rm -rf "$staging"' EXIT
root=$staging/$name

mkdir -p "$root/docs" "$root/logs"
cp -R deploy/bin deploy/libexec deploy/conf "$root/"
cp LICENSE README.md CHANGELOG.md "$root/"
cp docs/*.md "$root/docs/"
for program in alluxio alluxio-master alluxio-worker; do
  strip -o "$root/libexec/$program" "$programs/$program"
done
chmod -R u=rwX,go=rX "$root"

file=$folder/$name-linux-$(uname -m).tar.gz
# The same input gives the same file: no times, owners or names of this machine.
time=$(git log -1 --format=@%ct 2>/dev/null) || time=@0
tar --sort=name --mtime="$time" --owner=0 --group=0 --numeric-owner -C "$staging" -c "$name" | gzip -n >"$staging/packed"
# In one step: another run may be packing the same.
mv "$staging/packed" "$file"
echo "$file"
