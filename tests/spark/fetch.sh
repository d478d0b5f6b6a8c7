#!/usr/bin/env bash
# Fetches Spark (pyspark, which brings Hadoop's client) and the original's client for it, once, and prints the folder that holds them:
#   venv/     a Python with pyspark      client/   the one jar of the client, as it is published
set -euo pipefail

spark=3.5.6
py4j=0.10.9.7
alluxio=2.9.6
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/spark
dir=$cache/spark-$spark-alluxio-$alluxio

for tool in mvn java; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: install maven and a JDK 17 (Debian: apt-get install maven openjdk-17-jdk-headless)" >&2; exit 1; }
done
python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "python3 with venv is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }

stamp=$(sha256sum "${BASH_SOURCE[0]}" | cut -d' ' -f1)
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9   # several tests may ask at once

# tries COMMAND...: again when the network fails; its last lines when it goes on failing.
tries() {
  local attempt
  for attempt in 1 2 3; do
    if "$@" >"$cache/log" 2>&1; then return; fi
    sleep $((attempt * 5))
  done
  echo "could not fetch Spark; the last lines of $cache/log:" >&2
  tail -n 8 "$cache/log" >&2
  exit 1
}

if [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$dir"
  tries python3 -m venv "$dir/venv"
  tries "$dir/venv/bin/pip" install --disable-pip-version-check --no-cache-dir --no-deps "pyspark==$spark" "py4j==$py4j"
  # Not a later one of the plugin: the jar's parent pom is not published, and they insist on it.
  tries mvn -B -U -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:2.10:copy \
    -Dartifact="org.alluxio:alluxio-shaded-client:$alluxio" -DoutputDirectory="$dir/client"
  echo "$stamp" >"$dir/stamp"
fi
echo "$dir"
