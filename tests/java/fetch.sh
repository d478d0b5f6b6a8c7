#!/usr/bin/env bash
# Fetches the Java clients, the servers, or the servers' drivers of S3 and HDFS, of one Alluxio version, or a ZooKeeper server, an HDFS or Hadoop's contract tests, once, and
# prints the folder that holds them:
#   lib/      the jars        classes/   our own class, compiled against them (clients: ShellSession; hdfs: MiniHdfs; contract: ContractRun)
# Usage: fetch.sh VERSION [client|server|drivers|zookeeper|hdfs|contract]
set -euo pipefail

version=${1:?usage: fetch.sh VERSION [client|server|drivers|zookeeper|hdfs|contract]}
kind=${2:-client}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/java
case $kind in
  client) name=$version pom=$here/pom.xml sources=("$here/ShellSession.java") property=alluxio.version ;;
  server) name=$version-server pom=$here/server/pom.xml sources=() property=alluxio.version ;;
  drivers) name=$version-drivers pom=$here/drivers/pom.xml sources=() property=alluxio.version ;;
  zookeeper) name=zookeeper-$version pom=$here/zookeeper/pom.xml sources=() property=zookeeper.version ;;
  contract) name=contract-$version pom=$here/contract/pom.xml sources=("$here"/contract/*.java) property=hadoop.version ;;
  hdfs) name=hdfs-$version pom=$here/hdfs/pom.xml sources=("$here/hdfs/MiniHdfs.java") property=hadoop.version ;;
  *) echo "usage: fetch.sh VERSION [client|server|drivers|zookeeper|hdfs|contract]" >&2; exit 2 ;;
esac
dir=$cache/$name
# A changed pom or class makes a new set.
stamp=$(cat "$pom" "${sources[@]}" "${BASH_SOURCE[0]}" | sha256sum | cut -d' ' -f1)

for tool in mvn javac; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: install maven and a JDK 17 (Debian: apt-get install maven openjdk-17-jdk-headless)" >&2; exit 1; }
done

mkdir -p "$cache"
exec 9>"$cache/$name.lock"
flock 9   # several tests may ask at once
if [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$dir"
  log=$cache/$name.log
  for attempt in 1 2 3; do
    # -U: a failed download of an earlier attempt is asked for again.
    if mvn -B -U -f "$pom" -D"$property=$version" -Dstyle.color=never \
      org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$dir/lib" >"$log" 2>&1; then
      break
    fi
    if [ "$attempt" = 3 ]; then
      echo "could not fetch the Java artifacts $name; the last lines of $log:" >&2
      grep -E 'ERROR|BUILD' "$log" | tail -n 8 >&2
      exit 1
    fi
    sleep $((attempt * 5))
  done
  if [ ${#sources[@]} -gt 0 ]; then
    javac -nowarn -cp "$dir/lib/*" -d "$dir/classes" "${sources[@]}" >&2
  fi
  echo "$stamp" >"$dir/stamp"
fi
echo "$dir"
