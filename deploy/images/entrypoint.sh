#!/bin/bash
# What runs in the images of the master and the worker. It takes the role words of Alluxio 2.9's image, and then becomes the
# program, so that signals and the exit status are the program's. Settings come from /opt/alluxio/conf (alluxio-site.properties,
# alluxio-env.sh) and from ALLUXIO_*_JAVA_OPTS and the other variables of alluxio-env.sh.
set -uo pipefail
. /opt/alluxio/libexec/alluxio-config.sh

usage() {
  cat <<'END'
Usage: ROLE [--no-format] [-Dkey=value]...
       alluxio COMMAND...

ROLE is one of:
  master, master-only      a master. Where the journal folder holds no journal it makes one, unless --no-format is given;
                           a journal that is there is never emptied
  worker, worker-only      a worker; --no-format changes nothing
  job-master, job-worker   nothing: masters and workers persist and load files themselves
END
}

case ${1:-} in
  master | master-only) role=master ;;
  worker | worker-only) role=worker ;;
  job-master | job-worker) echo "No $1 is needed: masters and workers persist and load files themselves. Leave this container out."; exit 0 ;;
  proxy) usage_error "$1: there is no proxy (REST and S3) in this version" ;;
  fuse) usage_error "$1: there is no FUSE mount in this version" ;;
  logserver) usage_error "$1: there is no log server; the logs are the output of the containers" ;;
  alluxio) exec "$bin/alluxio" "${@:2}" ;;
  '') usage_error "which role?" ;;
  help | -h | --help) usage; exit 0 ;;
  *) usage_error "unknown role $1" ;;
esac
shift

format=1
properties=()
for word; do
  case $word in
    --no-format) format= ;;
    -D?*) properties+=("$word") ;;
    *) usage_error "unknown option $word" ;;
  esac
done
[ -x "$libexec/alluxio-$role" ] || usage_error "there is no $role in this image: use alluxio-$role"

case $role in
  master)
    [ -z "$format" ] || "$libexec/alluxio" formatJournal -s "${properties[@]}" || exit 1
    ;;
  worker)
    # The memory that every container has. Who says where the first tier lies is not overruled.
    if [ -z "${ALLUXIO_RAM_FOLDER:-}" ]; then
      from=$(ALLUXIO_USER_JAVA_OPTS=${ALLUXIO_WORKER_JAVA_OPTS:-} \
        "$libexec/alluxio" getConf "${properties[@]}" --source alluxio.worker.tieredstore.level0.dirs.path) || exit 1
      [ "$from" != DEFAULT ] || export ALLUXIO_RAM_FOLDER=/dev/shm
    fi
    ;;
esac
exec "$libexec/alluxio-$role" "${properties[@]}"
