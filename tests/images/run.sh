#!/usr/bin/env bash
# Builds the images as `make images` does and runs them as a cluster would: another user than root, a read-only root, no capabilities.
# Usage: run.sh PROGRAMS    IMAGES: which of them; ONLY=word: the tests with it in their name; BUILT: a folder with images built before
set -euo pipefail
[ $# = 1 ] || { sed -n '3s/^# //p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
programs=$(cd "$1" && pwd)
. "$here/../shell/cases.sh"
. "$here/container.sh"

work=$(mktemp -d /tmp/alluxio-images.XXXXXX)
trap 'end_all; rm -rf "$work"' EXIT
export IMAGES=${IMAGES:-alluxio-master alluxio-worker alluxio-operator}
if [ -z "${BUILT:-}" ]; then
  # The engine's store dies with the test; vfs works within containers, too. The base's files are kept: to fetch them takes the most time.
  export ENGINE=${ENGINE:-buildah} TAG=test CONTAINERS_STORAGE_CONF=$work/storage.conf
  printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$work/store" "$work/store-run" >"$CONTAINERS_STORAGE_CONF"
  BUILT=${CARGO_TARGET_DIR:-$top/target}/images-test
  "$top/scripts/images.sh" build "$programs" "$BUILT" >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; exit 1; }
  rm -rf "$work/store"
fi
for image in $IMAGES; do unpack "$image" "$BUILT/$image-test.tar"; done
version=$("$programs/alluxio" version)

most_bytes=120000000

test_images_say_what_they_are() {
  local image
  for image in $IMAGES; do
    same "$(setting "$image" '.config.Labels["org.opencontainers.image.title"]')" "$image"
    same "$(setting "$image" '.config.Labels["org.opencontainers.image.version"]')" "$version"
    same "$(setting "$image" '.config.Labels["org.opencontainers.image.revision"]')" "$(git -C "$top" rev-parse HEAD)"
    same "$(setting "$image" '.config.Labels["org.opencontainers.image.licenses"]')" Apache-2.0
    # As a number: only so can a cluster check that it is not root.
    same "$(setting "$image" .config.User)" 1000:1000
  done
  same "$(setting alluxio-master '.config.ExposedPorts | keys | join(" ")')" "19998/tcp 19999/tcp"
  same "$(setting alluxio-worker '.config.ExposedPorts | keys | join(" ")')" "29999/tcp 30000/tcp"
}

test_images_are_small() {
  local image bytes
  for image in $IMAGES; do
    bytes=$(du --summarize --apparent-size --block-size=1 "$work/$image/root" | cut -f 1)
    echo "$image: $bytes bytes"
    [ "$bytes" -le "$most_bytes" ]
  done
}

test_nothing_gives_more_rights() {
  local image
  for image in $IMAGES; do
    same "$(find "$work/$image/root" -xdev -type f -perm /6000)" ""
    # What runs there cannot be replaced by the user as whom it runs.
    same "$(find "$work/$image/root" -xdev \( -type f -o -type d \) \( -perm /0002 -o -user 1000 \) -printf '%P\n' | LC_ALL=C sort | tr '\n' ' ')" \
      "$(case $image in
        alluxio-operator) echo 'tmp var/tmp ' ;;
        *) echo 'journal opt/alluxio/conf opt/alluxio/journal opt/alluxio/logs opt/alluxio/metastore opt/alluxio/underFSStorage tmp var/tmp ' ;;
      esac)"
  done
}

test_what_programs_look_for_is_there() {
  local image loader library
  for image in alluxio-master alluxio-worker; do
    same "$(once look "$image" alluxio version)" "$version"
    # Kerberos' library is loaded at run time, when a journal or an under storage asks for it.
    loader=$(cd "$work/$image/root" && echo lib64/ld-linux-*.so.2)
    library=$(cd "$work/$image/root" && echo usr/lib/*/libgssapi_krb5.so.2)
    has_not "$(once look "$image" -c "/$loader" --list "/$library")" "not found"
    has "$(head -n 3 "$work/$image/root/etc/ssl/certs/ca-certificates.crt")" "BEGIN CERTIFICATE"
    has "$(cat "$work/$image/root/etc/hosts")" localhost
    # Nothing of the machine that builds.
    same "$(cd "$work/$image/root/etc" && cat resolv.conf hostname apt/sources.list 2>/dev/null || true)" ""
    same "$(once look "$image" -c bash -c 'echo "$(id -un) $(TZ=Asia/Tokyo date -d @0 +%H)"')" "alluxio 09"
  done
}

test_role_words_of_the_original() {
  has "$(refused once words alluxio-master job)" "unknown role job"
  has "$(refused once words alluxio-master worker-only --no-format)" "there is no worker in this image: use alluxio-worker"
  has "$(refused once words alluxio-worker master)" "use alluxio-master"
  has "$(refused once words alluxio-master master --format)" "unknown option --format"
  has "$(refused once words alluxio-worker proxy)" "no proxy"
  has "$(refused once words alluxio-worker fuse)" "no FUSE"
  has "$(once words alluxio-master job-master)" "No job-master is needed"
  has "$(once words alluxio-master help)" "ROLE is one of"
}

# The volumes and settings of a master, in $options.
options_of_master() { # NAME
  options=(-v "$(volume "$1-journal"):/journal" -v "$(volume "$1-metastore"):/opt/alluxio/metastore" -v "$(volume "$1-ufs"):/opt/alluxio/underFSStorage"
    -e 'ALLUXIO_JAVA_OPTS=-Dalluxio.master.hostname=${HOST_OF_MASTER} -Dalluxio.master.journal.folder=/journal -Xmx4g' -e HOST_OF_MASTER=localhost)
}

master() { # NAME [OPTION OF BUNDLE | WORD]...
  local options
  options_of_master "$1"
  start "$1" alluxio-master "${options[@]}" "${@:2}"
}

ready() { # NAME PORT
  runc exec "$1" wget -q -O - "http://127.0.0.1:$2/readyz"
}

test_a_master_with_a_read_only_root() {
  local told
  told=$(refused once bare alluxio-master master)
  has "$told" "/opt/alluxio/journal"
  master first -e ALLUXIO_MASTER_JAVA_OPTS=-Dalluxio.master.worker.connect.wait.time=1ms
  within 30 ready first 19999
  has "$(within_container first alluxio fs leader)" "localhost"
  within_container first alluxio fs mkdir /kept
  # What only means something to Java is accepted with a line.
  has "$(cat "$work/run/first/log")" "no effect, there is no Java virtual machine here"
  has_not "$(cat "$work/run/first/log")" ERROR
  # It is the container's first process: the signal is its own.
  stop first
  # The word without --no-format empties no journal that is there.
  master first master
  within 30 ready first 19999
  has "$(within_container first alluxio fs ls /)" /kept
  has "$(cat "$work/run/first/log")" "it stays as it is"
  stop first
}

test_no_format_makes_no_journal() {
  local options
  options_of_master unformatted
  has "$(refused once unformatted alluxio-master "${options[@]}" master-only --no-format)" "holds no journal"
}

test_a_user_of_the_clusters_choice() {
  # Folders of a volume, then, that group 0 may write.
  master other -u 1000710000:0 master
  within 30 ready other 19999
  has "$(within_container other alluxio fs leader)" localhost
  stop other
}

test_files_of_settings() {
  local conf
  conf=$(volume conf)
  echo 'alluxio.user.file.writetype.default=THROUGH' >"$conf/alluxio-site.properties"
  echo 'ALLUXIO_USER_JAVA_OPTS="$ALLUXIO_USER_JAVA_OPTS -Dalluxio.user.file.readtype.default=NO_CACHE"' >"$conf/alluxio-env.sh"
  same "$(once conf alluxio-master -v "$conf:/opt/alluxio/conf" alluxio getConf alluxio.user.file.writetype.default)" THROUGH
  same "$(once conf alluxio-master -v "$conf:/opt/alluxio/conf" alluxio getConf alluxio.user.file.readtype.default)" NO_CACHE
}

test_a_cluster_of_two_containers() {
  master pair
  within 30 ready pair 19999
  start mate alluxio-worker -n pair -e 'ALLUXIO_JAVA_OPTS=-Dalluxio.master.hostname=localhost -Dalluxio.worker.hostname=localhost -Dalluxio.user.block.size.bytes.default=1MB' \
    -e ALLUXIO_WORKER_RAMDISK_SIZE=32MB -v "$(volume pair-ufs):/opt/alluxio/underFSStorage" worker-only --no-format
  within 30 ready mate 30000
  within_container mate alluxio fs copyFromLocal /etc/passwd /users
  same "$(within_container pair alluxio fs cat /users)" "$(cat "$work/alluxio-worker/root/etc/passwd")"
  # The tier lies in the memory that every container has.
  within_container mate test -d /dev/shm/alluxioworker
  has_not "$(cat "$work/run/mate/log")" ERROR
  stop mate
  stop pair
}

# Loading into clusters is their tools' work; what they are told is ours.
test_images_are_loaded_into_clusters() {
  local bin=$work/tools tool told
  mkdir -p "$bin"
  for tool in kind minikube ctr; do
    printf '#!/bin/sh\necho "%s $*"\n' "$tool" >"$bin/$tool"
    chmod +x "$bin/$tool"
  done
  # Loading into a profile that does not run is no failure to minikube.
  echo 'case " $* " in *" ls "*) [ -e "$0.stopped" ] || echo localhost/alluxio-master:test ;; esac' >>"$bin/minikube"
  load() { PATH=$bin:$PATH TAG=test IMAGES=alluxio-master "$top/scripts/images.sh" load "$BUILT"; }
  has "$(refused load)" "say where to"
  has "$(KIND=here load)" "kind load image-archive $BUILT/alluxio-master-test.tar --name here"
  told=$(MINIKUBE=mini CTR=k8s.io load)
  has "$told" "minikube --profile mini image load $BUILT/alluxio-master-test.tar"
  has "$told" "ctr --namespace k8s.io images import $BUILT/alluxio-master-test.tar"
  touch "$bin/minikube.stopped"
  has "$(MINIKUBE=mini refused load)" "alluxio-master:test is not in minikube's profile mini"
  has "$(refused env CTR=k8s.io TAG=never "$top/scripts/images.sh" load "$BUILT")" "never.tar is missing: make images"
}

run_cases
