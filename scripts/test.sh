#!/usr/bin/env bash
# Builds everything once, runs the named stages, prints the time of each and ends with "N passed, N failed".
set -uo pipefail
# A failed test says where in its message; backtraces of its thread only hide that.
export RUST_BACKTRACE=0
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

work=$(mktemp -d)
log=$work/log
passed=0
failed=0
times=()
running=
trap 'rm -rf "$work"' EXIT
# `timeout` is the head of a process group of its own: Ctrl-C must be passed on to it.
trap '[ -z "$running" ] || kill "$running"; exit 130' INT TERM

took() { # NAME START
  times+=("$(printf '%-8s %4d s' "$1" $((SECONDS - $2)))")
}

# stage NAME LIMIT COMMAND...: run it, add up its "test result:" lines. LIMIT bounds a test that hangs.
stage() {
  local name=$1 limit=$2 start=$SECONDS status shown p f
  shift 2
  printf '\n== %s\n' "$name"
  rm -f "$work/output"
  mkfifo "$work/output"
  tee "$log" <"$work/output" &
  shown=$!
  timeout "$limit" "$@" >"$work/output" 2>&1 &
  running=$!
  wait "$running"
  status=$?
  running=
  wait "$shown"
  [ "$status" != 124 ] || echo "$name: stopped after $limit"
  read -r p f < <(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$log")
  # A test program that crashed or was stopped has no result line: it counts as one failure.
  if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  if [ "$p" = 0 ] && [ "$f" = 0 ]; then echo "$name: no test ran"; f=1; fi
  passed=$((passed + p))
  failed=$((failed + f))
  took "$name" "$start"
}

# The fault and installation tests mount small disks and shared folders: in a mount namespace of their own, so that none is left behind.
with_mounts=(unshare --mount)
[ "$(id -u)" = 0 ] || with_mounts=(unshare --user --map-root-user --mount)

needs_browser() { case " $* " in *" web "*) true ;; *) false ;; esac; }
needs_apiserver() { case " $* " in *" kube "* | *" long "*) true ;; *) false ;; esac; }
needs_nodes() { case " $* " in *" e2e "* | *" e2e-scale "*) true ;; *) false ;; esac; }
needs_java() { case " $* " in *" schema "* | *" peers "* | *" ha "* | *" hdfs "* | *" ufs "* | *" long "* | *" random "* | *" e2e "* | *" e2e-scale "*) true ;; *) false ;; esac; }
needs_s3() { case " $* " in *" ufs "* | *" long "* | *" e2e "*) true ;; *) false ;; esac; }
needs_helm() { case " $* " in *" charts "*) true ;; *) false ;; esac; }
needs_images() { case " $* " in *" images "* | *" e2e "*) true ;; *) false ;; esac; }
needs_spark() { case " $* " in *" long "*) true ;; *) false ;; esac; }
needs_ssh() { case " $* " in *" dist "* | *" ha "*) true ;; *) false ;; esac; }
needs_mounts() { case " $* " in *" faults "* | *" ha "* | *" hdfs "* | *" long "* | *" random "* | *" dist "*) true ;; *) false ;; esac; }

[ $# -gt 0 ] || { echo 'usage: scripts/test.sh STAGE... (unit, schema, peers, faults, ha, hdfs, long, ufs, random, web, dist, kube, charts, images, e2e, e2e-scale, scale)' >&2; exit 2; }

sets=(build)
if needs_mounts "$@"; then sets+=(mounts); fi
if needs_java "$@"; then sets+=(java); fi
if needs_s3 "$@"; then sets+=(s3); fi
if needs_spark "$@"; then sets+=(spark); fi
if needs_ssh "$@"; then sets+=(ssh); fi
if needs_browser "$@"; then sets+=(browser); fi
if needs_apiserver "$@"; then sets+=(kube); fi
if needs_nodes "$@"; then sets+=(kube nodes); fi
if needs_helm "$@"; then sets+=(helm); fi
if needs_images "$@"; then sets+=(images); fi
scripts/packages.sh "${sets[@]}" || exit 1

start=$SECONDS
java=
if needs_java "$@"; then
  # Beside the build: it waits for the network, the build for the processors.
  (for version in ${JAVA_VERSIONS:-2.9.4 2.9.6}; do tests/java/fetch.sh "$version" || exit 1; done
    tests/java/fetch.sh 2.9.6 server && tests/java/fetch.sh 2.9.6 drivers && tests/java/fetch.sh 3.8.4 zookeeper && tests/java/fetch.sh 3.3.6 hdfs && tests/java/fetch.sh 3.3.4 contract) >"$work/java" 2>&1 &
  java=$!
fi
s3=
if needs_s3 "$@"; then
  tests/s3/fetch.sh >"$work/s3" 2>&1 &
  s3=$!
fi
spark=
if needs_spark "$@"; then
  tests/spark/fetch.sh >"$work/spark" 2>&1 &
  spark=$!
fi
browser=
if needs_browser "$@"; then
  tests/browser/fetch.sh >"$work/browser" 2>&1 &
  browser=$!
fi
kube=
if needs_apiserver "$@" || needs_nodes "$@" || needs_helm "$@"; then
  shares=()
  if needs_nodes "$@"; then shares+=(cluster); else shares+=(apiserver); fi
  if needs_helm "$@"; then shares+=(helm); fi
  (for share in "${shares[@]}"; do tests/kube/fetch.sh "$share" || exit 1; done
    took "${shares[0]}" "$start" && echo "${times[-1]}" >"$work/kube.took") >"$work/kube" 2>&1 &
  kube=$!
fi
printf '== build\n'
case $* in
  # Other tests take longer to build than the programs. With an example the features of dependencies are those of a build with tests.
  e2e | e2e-scale)
    cargo build --release --workspace --bins --example batch_cost || exit 1
    cargo test --release --workspace --no-run --test 'e2e_*' --test 'kwok_*' || exit 1
    ;;
  *) cargo build --release --workspace --all-targets || exit 1 ;;
esac
took build "$start"
if [ -n "$java" ] && ! wait "$java"; then
  cat "$work/java"
  exit 1
fi
if [ -n "$s3" ] && ! wait "$s3"; then
  cat "$work/s3"
  exit 1
fi
if [ -n "$spark" ] && ! wait "$spark"; then
  cat "$work/spark"
  exit 1
fi
if [ -n "$browser" ] && ! wait "$browser"; then
  cat "$work/browser"
  exit 1
fi
if [ -n "$kube" ]; then
  wait "$kube" || { cat "$work/kube"; exit 1; }
  times+=("$(cat "$work/kube.took")")
fi

run=(cargo test --release --workspace --no-fail-fast)
# The integration tests that crates have of their own, by name. Leaving out a package (--exclude) would choose other features
# of the dependencies, and compile half of the workspace once more.
own_tests=()
for file in {crates/*,master,worker,cli,bench}/tests/{*.rs,*/main.rs}; do
  [ -e "$file" ] || continue
  name=${file#*/tests/}
  name=${name%/main.rs}
  own_tests+=(--test "${name%.rs}")
done
for name in "$@"; do
  case $name in
    unit) stage unit 15m "${run[@]}" --lib --bins "${own_tests[@]}" ;;
    schema) stage schema 5m "${run[@]}" --test 'wire_*' --test 'rig_*' ;;
    peers) stage peers 15m "${run[@]}" --test 'peers_*' -- --test-threads=2 ;;
    faults) stage faults 15m "${with_mounts[@]}" "${run[@]}" --test 'faults_*' -- --test-threads=2 ;;
    ha) stage ha 15m "${with_mounts[@]}" "${run[@]}" --test 'ha_*' -- --test-threads=3 ;;
    # Faults that wait for time limits of HDFS, its name service and Kerberos.
    # HDFS_SEEDS and PAUSES make it longer.
    hdfs) stage hdfs 2h "${with_mounts[@]}" "${run[@]}" --test 'hdfs_*' -- --test-threads=2 ;;
    ufs) stage ufs 15m "${run[@]}" --test 'ufs_*' -- --test-threads=2 ;;
    # What takes minutes, or need not be seen on every change.
    long)
      stage long 15m "${with_mounts[@]}" "${run[@]}" --test 'long_*' -- --test-threads=2
      stage operator 10m "${run[@]}" --test kube_operator -- --ignored --test-threads=10
      ;;
    # As long as SEEDS and ROUNDS say: a seed takes about 20 s.
    random) stage random 12h "${with_mounts[@]}" "${run[@]}" --test ha_faults -- sequences:: --include-ignored --nocapture ;;
    web) stage web 5m "${run[@]}" --test 'web_*' ;;
    dist) stage dist 10m "${with_mounts[@]}" "${run[@]}" --test 'dist_*' -- --test-threads=2 ;;
    # A real API server: about six minutes to build on a new machine, nothing after that. Its tests wait more than they compute.
    kube) stage kube 10m "${run[@]}" --test 'kube_*' -- --test-threads=10 ;;
    # Clusters of real nodes, taken away afterwards (KEEP=1: one, which stays). ONLY: the tests with that in their name. E2E_CLUSTERS: how many, each with
    # a part of the tests. E2E_PATIENCE: a factor for all limits within; E2E_ROUNDS: how often each fault happens. E2E_LIMIT: for all.
    e2e)
      export ENGINE=${ENGINE:-buildah}
      scripts/images.sh build "${CARGO_TARGET_DIR:-target}/release" "${CARGO_TARGET_DIR:-target}/images" || exit 1
      # The release to upgrade to, where one of the tests wants it.
      rm -f "${CARGO_TARGET_DIR:-target}"/images/*-next.tar
      chosen=$("${run[@]}" --test 'e2e_*' -- --list ${ONLY:+"$ONLY"} 2>/dev/null)
      if grep -q ^next_release:: <<<"$chosen"; then
        next=$SECONDS
        scripts/next_release.sh "${CARGO_TARGET_DIR:-target}" || exit 1
        took next "$next"
      fi
      stage e2e "${E2E_LIMIT:-90m}" tests/e2e/beside.sh "${E2E_CLUSTERS:-2}" "${ONLY:-}" "${run[@]}" --test 'e2e_*' -- --test-threads=1 --nocapture
      ;;
    # Nodes that kwok plays. E2E_SCALE_CLUSTERS, E2E_SCALE_NODES, E2E_SCALE_MINUTES: how many, and how long they are left at rest.
    e2e-scale) stage e2e-scale 40m tests/e2e/run.sh --kwok "${run[@]}" --test 'kwok_*' -- --test-threads=1 --nocapture ;;
    charts) stage charts 5m bash -c 'tests/shell/kubectl_alluxio.sh && charts/tests/run.sh && charts/tests/life.sh' ;;
    images) stage images 10m tests/images/run.sh "${CARGO_TARGET_DIR:-target}/release" ;;
    scale) stage scale 30m "${run[@]}" --test 'scale_*' -- --ignored --nocapture ;;
    *) echo "unknown stage $name" >&2; exit 2 ;;
  esac
done

printf '\n'
printf '%s\n' "${times[@]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
