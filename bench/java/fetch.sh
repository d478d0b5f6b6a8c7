#!/usr/bin/env bash
# Fetches the jars of the original's servers, once, and prints the folder that holds them.
# Usage: fetch.sh VERSION
set -euo pipefail

version=${1:?usage: fetch.sh VERSION}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/java-server
dir=$cache/$version
stamp=$(cat "$here/pom.xml" "${BASH_SOURCE[0]}" | sha256sum | cut -d' ' -f1)

for tool in mvn java; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: install maven and a JDK 17 (Debian: apt-get install maven openjdk-17-jdk-headless)" >&2; exit 1; }
done

mkdir -p "$cache"
exec 9>"$cache/$version.lock"
flock 9
if [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$dir"
  log=$cache/$version.log
  for attempt in 1 2 3; do
    # -U: a failed download of an earlier attempt is asked for again.
    if mvn -B -U -f "$here/pom.xml" -Dalluxio.version="$version" -Dstyle.color=never \
      org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$dir/lib" >"$log" 2>&1; then
      break
    fi
    if [ "$attempt" = 3 ]; then
      echo "could not fetch the original's servers $version; the last lines of $log:" >&2
      grep -E 'ERROR|BUILD' "$log" | tail -n 8 >&2
      exit 1
    fi
    sleep $((attempt * 5))
  done
  echo "$stamp" >"$dir/stamp"
fi
echo "$dir"
