#!/usr/bin/env bash
# Installs, upgrades and uninstalls the charts at a real API server (kube-apiserver and etcd, nothing else: no pod runs).
# Usage: life.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/shell/cases.sh"
"$top/tests/kube/fetch.sh" apiserver >/dev/null
bin=$("$top/tests/kube/fetch.sh" helm)

work=$(mktemp -d)
started=()
trap 'for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$work"' EXIT
export HELM_CONFIG_HOME=$work/helm HELM_CACHE_HOME=$work/helm HELM_DATA_HOME=$work/helm KUBECONFIG=$work/kubeconfig
helm() { timeout 120 "$bin/helm" "$@"; }

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) && (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

start_api_server() {
  local client peer token
  client=$(free_port) peer=$(free_port) port=$(free_port) token=$(openssl rand -hex 16)
  openssl genrsa -out "$work/sa.key" 2048 2>/dev/null
  openssl rsa -in "$work/sa.key" -pubout -out "$work/sa.pub" 2>/dev/null
  (umask 077 && echo "$token,admin,admin,system:masters" >"$work/tokens")
  "$bin/etcd" --data-dir "$work/etcd" --unsafe-no-fsync \
    --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer" >"$work/etcd.log" 2>&1 &
  started+=($!)
  "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$client" --bind-address 127.0.0.1 --secure-port "$port" \
    --cert-dir "$work/certificates" --token-auth-file "$work/tokens" --authorization-mode RBAC --endpoint-reconciler-type none \
    --service-account-issuer https://here --service-account-key-file "$work/sa.pub" --service-account-signing-key-file "$work/sa.key" \
    --service-cluster-ip-range 10.99.0.0/24 --disable-admission-plugins ServiceAccount >"$work/api.log" 2>&1 &
  started+=($!)
  (umask 077 && cat >"$KUBECONFIG") <<END
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: $token}}]
contexts: [{name: here, context: {cluster: here, user: admin}}]
current-context: here
END
  api() { # PATH [OPTION OF CURL]...
    curl --silent --show-error --fail --insecure --max-time 20 -H "Authorization: Bearer $(cut -d , -f 1 "$work/tokens")" "https://127.0.0.1:$port$1" "${@:2}"
  }
  within 120 api /readyz || { tail -n 20 "$work/etcd.log" "$work/api.log"; exit 1; }
}

definition() { api /apis/apiextensions.k8s.io/v1/customresourcedefinitions/alluxioclusters.alluxio.org; }
cluster() { api /apis/alluxio.org/v1alpha1/namespaces/data/alluxioclusters/lake; }
operator() { api /apis/apps/v1/namespaces/alluxio-operator/deployments/alluxio-operator; }

clusters=/apis/alluxio.org/v1alpha1/namespaces/data/alluxioclusters
leave=/apis/batch/v1/namespaces/alluxio-operator/jobs/alluxio-operator-leave
leases=/apis/coordination.k8s.io/v1/namespaces/alluxio-operator/leases
merge() { # PATH PATCH [OPTION OF CURL]...
  api "$1" -X PATCH -H 'Content-Type: application/merge-patch+json' -d "$2" "${@:3}"
}
guarded() { merge "$clusters/lake" "{\"metadata\": {\"finalizers\": [$1]}}" "${@:2}"; }
# What the Job of an uninstalled operator may do.
as_the_job() { "$@" -H 'Impersonate-User: system:serviceaccount:alluxio-operator:alluxio-operator-leave'; }
posted() { api "$1" -X POST -H 'Content-Type: application/json' -d "$2" "${@:3}"; }

# No pod runs here: the Job's work is done with the rights of its account, and then it has ended.
play_the_job() {
  local now event
  within 60 api "$leave"
  refused operator
  same "$(api "$leave" | jq -c '.spec.template.spec.containers[0].args')" '["leave"]'
  same "$(as_the_job api /apis/alluxio.org/v1alpha1/alluxioclusters | jq -r '.items[].metadata.name')" lake
  as_the_job guarded ''
  event='{"metadata": {"name": "e"}, "reason": "OperatorLeaves", "action": "a", "type": "Warning", "eventTime": "2026-01-01T00:00:00.000000Z",
    "reportingController": "c", "reportingInstance": "i", "regarding": {"namespace": "data", "kind": "AlluxioCluster", "name": "lake"}}'
  as_the_job posted /apis/events.k8s.io/v1/namespaces/data/events "$event"
  as_the_job posted "$leases" '{"metadata": {"name": "alluxio-operator"}}'
  as_the_job api "$leases/alluxio-operator" | as_the_job api "$leases/alluxio-operator" -X PUT -H 'Content-Type: application/json' -d @-
  refused as_the_job api "$leases/other"
  refused as_the_job api "$clusters/lake" -X DELETE
  refused as_the_job api /api/v1/namespaces/data/secrets
  now=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
  merge "$leave/status" "{\"status\": {\"startTime\": \"$now\", \"completionTime\": \"$now\", \"succeeded\": 1, \"uncountedTerminatedPods\": {},
    \"conditions\": [{\"type\": \"SuccessCriteriaMet\", \"status\": \"True\"}, {\"type\": \"Complete\", \"status\": \"True\"}]}}"
}

test_the_charts_from_installation_to_the_end() {
  local chart=$work/alluxio-operator before helm
  cp -R "$top/charts/alluxio-operator" "$chart"
  helm install alluxio-operator "$chart" --namespace alluxio-operator --create-namespace
  within 30 api /apis/alluxio.org/v1alpha1/alluxioclusters
  helm install lake "$top/charts/alluxio" --namespace data --create-namespace --values "$here/cases/alluxio/single.yaml"
  same "$(cluster | jq .spec.masters.count)" 1
  before=$(cluster | jq -c .metadata)

  # Changed values and a changed definition take effect; the cluster is not touched.
  sed -i 's/description: How many, 1 to 9\./description: So many, 1 to 9./' "$chart/files/alluxioclusters.yaml"
  helm upgrade alluxio-operator "$chart" --namespace alluxio-operator --set replicas=1 --set logLevel=debug
  has "$(definition | jq -r '.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.masters.properties.count.description')" "So many"
  same "$(operator | jq -r '.spec.replicas, (.spec.template.spec.containers[0].env[] | select(.name == "ALLUXIO_LOG_LEVEL").value)' | tr '\n' ' ')" "1 debug "
  same "$(cluster | jq -c .metadata)" "$before"

  # So does a change of the cluster's values; what the definition refuses is told.
  helm upgrade lake "$top/charts/alluxio" --namespace data --values "$here/cases/alluxio/single.yaml" --set deletionPolicy=Delete
  same "$(cluster | jq -r .spec.deletionPolicy)" Delete
  has "$(refused helm upgrade lake "$top/charts/alluxio" --namespace data --values "$here/cases/alluxio/single.yaml" --set masters.count=3)" zookeeper

  # Without the operator's chart the definition and the cluster stay, without the finalizer that only an operator takes off.
  guarded '"alluxio.org/delete-journal"'
  before=$(cluster | jq -c .spec)
  helm uninstall alluxio-operator --namespace alluxio-operator >"$work/uninstalled" 2>&1 &
  helm=$!
  play_the_job
  wait "$helm" || { cat "$work/uninstalled"; return 1; }
  same "$(cluster | jq -c '.spec, .metadata.finalizers')" "$before"$'\n'null
  refused api "$leave"
  refused api /apis/rbac.authorization.k8s.io/v1/clusterroles/alluxio-operator-leave

  # The operator comes back to them. Uninstalled again by one who does not want the Job, it leaves what is guarded as it was.
  before=$(cluster | jq -c .metadata)
  helm install alluxio-operator "$top/charts/alluxio-operator" --namespace alluxio-operator --set uninstallJob.enabled=false
  same "$(cluster | jq -c .metadata)" "$before"
  helm uninstall alluxio-operator --namespace alluxio-operator
  same "$(cluster | jq -c .metadata)" "$before"
  helm uninstall lake --namespace data
  refused cluster
}

test_the_examples_are_accepted() {
  local example
  for example in "$top"/deploy/examples/*.yaml; do
    # Helm applies any object: a chart of this one.
    mkdir -p "$work/example/templates"
    printf 'apiVersion: v2\nname: example\nversion: 0.1.0\n' >"$work/example/Chart.yaml"
    cp "$example" "$work/example/templates/all.yaml"
    helm install "example-$(basename "$example" .yaml)" "$work/example" --namespace examples --create-namespace
  done
}

start_api_server
run_cases
