#!/usr/bin/env bash
# The plugin `kubectl alluxio` against a kubectl that answers from a list and writes down what it was asked.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/cases.sh"
plugin=$here/../../deploy/kubectl-alluxio
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
export PATH=$work/bin:$PATH ASKED=$work/asked ANSWERS=$work/answers LEADERS=$work/leaders

cat >"$work/bin/kubectl" <<'END'
#!/usr/bin/env bash
printf '%s\n' "$*" >>"$ASKED"
case $* in
  *'{.items[*].metadata.name}'*component=worker* | *component=worker*'{.items[*].metadata.name}'*) cat "$ANSWERS/workers" ;;
  *'{.items[*].metadata.name}'*) cat "$ANSWERS/clusters" ;;
  *'{.status.leader.pod}'*) # The next one of the list, the last one again and again.
    head -n 1 "$LEADERS"
    [ "$(wc -l <"$LEADERS")" -lt 2 ] || sed -i 1d "$LEADERS" ;;
  *Progressing*) head -n 1 "$ANSWERS/progressing"; sed -i '1{$!d}' "$ANSWERS/progressing" ;;
  *'{.spec.masters.count}'*) cat "$ANSWERS/count" ;;
  *'{.metadata.namespace}'*) echo data ;;
  *getConf*) echo "10.0.0.7:3000$(tr '\n' ' ' <<<"$*" | sed 's/.*worker-[a-z]-\([0-9]\).*/\1/')" ;;
  *'create --raw'*) cat >>"$ASKED"; echo >>"$ASKED"; [ ! -e "$ANSWERS/no-eviction" ] || { echo "too few masters" >&2; exit 1; } ;;
  *) ;;
esac
END
chmod +x "$work/bin/kubectl"

fresh() {
  rm -rf "$ASKED" "$ANSWERS"
  mkdir "$ANSWERS"
  printf lake >"$ANSWERS/clusters"
  printf 3 >"$ANSWERS/count"
  printf '%s\n' False False True >"$ANSWERS/progressing"
  printf 'lake-worker-default-1' >"$ANSWERS/workers"
  printf 'lake-masters-1\n' >"$LEADERS"
}

test_the_cluster_may_be_left_out_where_there_is_one() {
  fresh
  same "$("$plugin" leader -n data)" lake-masters-1
  has "$(cat "$ASKED")" "-n data get alluxiocluster lake "
  printf 'lake pond' >"$ANSWERS/clusters"
  has "$(refused "$plugin" leader)" "say which (lake pond)"
  same "$("$plugin" leader pond)" lake-masters-1
  : >"$ANSWERS/clusters"
  has "$(refused "$plugin" status)" "no AlluxioCluster in this namespace"
  echo >"$LEADERS"
  has "$(refused "$plugin" leader lake)" "no master of lake serves"
}

test_failover_evicts_the_leader_and_waits_for_another() {
  fresh
  printf '%s\n' lake-masters-1 lake-masters-1 '' lake-masters-0 >"$LEADERS"
  has "$("$plugin" failover lake --timeout 10)" "lake-masters-0 leads"
  has "$(cat "$ASKED")" "create --raw /api/v1/namespaces/data/pods/lake-masters-1/eviction -f -"
  has "$(cat "$ASKED")" '"kind":"Eviction"'
  printf '%s\n' lake-masters-0 >"$LEADERS"
  has "$(refused "$plugin" failover lake --timeout=1)" "no other master leads after 1 s"
  touch "$ANSWERS/no-eviction"
  has "$(refused "$plugin" failover lake)" "too few masters"
  printf 1 >"$ANSWERS/count"
  has "$(refused "$plugin" failover lake)" "nobody can take over"
}

test_restart_marks_the_pods_of_a_role() {
  fresh
  has "$("$plugin" restart lake masters)" "kubectl wait alluxiocluster/lake --for=condition=Progressing=false"
  same "$(cat "$ANSWERS/progressing")" True
  has "$(cat "$ASKED")" "annotate pods -l app.kubernetes.io/name=alluxio,app.kubernetes.io/instance=lake,app.kubernetes.io/component=master alluxio.org/restart-hash-"
  fresh
  "$plugin" restart
  has "$(cat "$ASKED")" "app.kubernetes.io/instance=lake alluxio.org/restart-hash-"
  has "$(refused "$plugin" restart lake leader)" "masters, workers or all"
  # The condition is False until the operator has looked, and would be waited for in vain.
  echo False >"$ANSWERS/progressing"
  has "$(refused "$plugin" restart lake --timeout=1)" "has not begun after 1 s"
}

test_a_worker_is_named_as_the_masters_know_it() {
  fresh
  printf 'lake-worker-a-1 lake-worker-b-2' >"$ANSWERS/workers"
  "$plugin" decommission lake node-7
  has "$(cat "$ASKED")" "--field-selector spec.nodeName=node-7"
  has "$(cat "$ASKED")" "exec lake-masters-1 -- alluxio fsadmin decommissionWorker --disable --addresses 10.0.0.7:30001,10.0.0.7:30002"
  "$plugin" enable lake node-7
  has "$(cat "$ASKED")" "exec lake-masters-1 -- alluxio fsadmin enableWorker --addresses 10.0.0.7"
  : >"$ANSWERS/workers"
  has "$(refused "$plugin" enable lake node-7)" "there is no worker of lake on the node node-7"
}

test_wrong_calls_say_what_is_wrong() {
  fresh
  has "$(refused "$plugin" promote)" "unknown command promote"
  has "$(refused "$plugin" decommission lake)" "wrong number of words behind decommission"
  has "$(refused "$plugin" leader -n)" "-n needs a value"
  has "$(refused "$plugin" leader --force)" "unknown option --force"
  has "$("$plugin" --help)" "COMMAND is one of"
}

run_cases
