#!/usr/bin/env bash
# Lints the charts and compares what they make with charts/tests/golden. No cluster is needed.
# Usage: run.sh [--bless]    --bless writes the golden files, the schema and the copy of the definition anew; look at the diff
#
# cases/CHART/NAME.yaml are values; golden/CHART-NAME.yaml is what they make. The first line of cases/CHART/NAME.refused.yaml
# says what the chart answers to those values instead.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/shell/cases.sh"
bless=
case $*/$# in --bless/1) bless=1 ;; /0) ;; *) sed -n '3s/^# //p' "$0" >&2; exit 2 ;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
helm=${HELM:-$("$top/tests/kube/fetch.sh" helm)/helm}
export HELM_CONFIG_HOME=$work/helm HELM_CACHE_HOME=$work/helm HELM_DATA_HOME=$work/helm
helm() { "$helm" "$@"; }
charts="alluxio-operator alluxio"
definition=$top/crds/alluxioclusters.yaml
definition_of_chart=$top/charts/alluxio-operator/files/alluxioclusters.yaml

# expected FILE: what stands in FILE must be what comes on stdin; when blessing it is written there.
expected() {
  if [ -n "$bless" ]; then
    cat >"$work/new"
    [ -s "$work/new" ] || { echo "nothing comes for $1"; return 1; }
    mv "$work/new" "$1"
  else
    diff -u "$1" - || { echo "as intended? charts/tests/run.sh --bless"; return 1; }
  fi
}

rendered() { # CHART VALUES [OPTION]...
  helm template lake "$top/charts/$1" --namespace data --kube-version 1.34.0 --values "$2" "${@:3}"
}

notes() { # CHART VALUES [OPTION]...: what Helm says after an installation
  local chart
  chart=$(mktemp -d "$work/notes.XXXXXX")
  cp -R "$top/charts/$1/." "$chart"
  { echo '{{- define "notes" }}' && cat "$chart/templates/NOTES.txt" && echo '{{ end }}'; } >"$chart/templates/_notes.tpl"
  rm "$chart/templates/NOTES.txt"
  echo 'notes: {{ include "notes" . | b64enc }}' >"$chart/templates/notes.yaml"
  helm template lake "$chart" --namespace data --kube-version 1.34.0 --values "$2" --show-only templates/notes.yaml "${@:3}" |
    sed -n 's/^notes: //p' | base64 -d
}

as_json() { # YAML: its documents as a list. Helm reads it.
  local chart
  chart=$(mktemp -d "$work/json.XXXXXX")
  mkdir "$chart/templates"
  printf 'apiVersion: v2\nname: json\nversion: 0.1.0\n' >"$chart/Chart.yaml"
  cp "$1" "$chart/file.yaml"
  cat >"$chart/templates/json.yaml" <<'END'
{{- $all := list }}
{{- range splitList "\n---\n" (.Files.Get "file.yaml") }}{{ $all = append $all (fromYaml .) }}{{ end }}
kind: Json
json: {{ toJson $all | b64enc }}
END
  helm template json "$chart" | sed -n 's/^json: //p' | base64 -d
}

# rules_of YAML KIND NAME: what a role allows, one verb on one resource a line.
rules_of() {
  as_json "$1" | jq -r --arg kind "$2" --arg name "$3" '
    .[] | select(.kind == $kind and .metadata.name == $name) | .rules[]
    | .apiGroups[] as $group | .resources[] as $resource | .verbs[] | "\($group) \($resource) \(.)"' | sort
}

test_definition_is_the_operators() {
  local shown='.[] | select(.kind == "CustomResourceDefinition")'
  expected "$definition_of_chart" <"$definition"
  rendered alluxio-operator /dev/null >"$work/rendered"
  diff <(as_json "$work/rendered" | jq -S "$shown | .spec") <(as_json "$definition" | jq -S '.[0].spec')
  # Helm leaves what has this annotation when the chart is uninstalled.
  same "$(as_json "$work/rendered" | jq -r "$shown | .metadata.annotations[\"helm.sh/resource-policy\"]")" keep
  rendered alluxio-operator /dev/null --set crds.keep=false >"$work/rendered"
  same "$(as_json "$work/rendered" | jq -r "$shown | .metadata.annotations[\"helm.sh/resource-policy\"]")" null
}

test_dashboards_come_as_they_are() {
  local name
  rendered alluxio-operator /dev/null --set crds.install=false --set monitoring.dashboards.enabled=true >"$work/rendered"
  for name in alluxio-cluster alluxio-operator; do
    diff <(as_json "$work/rendered" | jq -S --arg name "$name.json" '.[] | select(.data[$name]?) | .data[$name] | fromjson') \
      <(jq -S . "$top/charts/alluxio-operator/dashboards/$name.json")
  done
  same "$(as_json "$work/rendered" | jq -r '.[] | select(.data["alluxio-cluster.json"]?) | .metadata.labels.grafana_dashboard')" 1
}

test_definition_gives_the_schema() {
  as_json "$definition" | jq '.[0]' | jq -f "$here/schema.jq" | expected "$top/charts/alluxio/values.schema.json"
}

test_lint() {
  local chart values
  for chart in $charts; do
    for values in "$here/cases/$chart"/*.yaml; do
      case $values in *.refused.yaml) continue ;; esac
      has "$(helm lint --strict "$top/charts/$chart" --values "$values")" "0 chart(s) failed"
    done
  done
}

test_golden() {
  local chart values name wrong=
  for chart in $charts; do
    for values in "$here/cases/$chart"/*.yaml; do
      name=$(basename "$values" .yaml)
      case $name in *.refused) continue ;; esac
      rendered "$chart" "$values" >"$work/rendered"
      expected "$here/golden/$chart-$name.yaml" <"$work/rendered" || wrong=1
    done
  done
  [ -z "$wrong" ]
}

test_the_examples_are_values_too() {
  local example cluster='.[] | select(.kind == "AlluxioCluster")'
  for example in "$top"/deploy/examples/*.yaml; do
    as_json "$example" | jq "$cluster | .spec + {fullnameOverride: .metadata.name}" >"$work/values.yaml"
    rendered alluxio "$work/values.yaml" >"$work/rendered"
    diff <(as_json "$example" | jq -S "$cluster | .spec") <(as_json "$work/rendered" | jq -S "$cluster | .spec")
  done
}

test_values_that_are_refused() {
  local chart values
  for chart in $charts; do
    for values in "$here/cases/$chart"/*.refused.yaml; do
      has "$(refused rendered "$chart" "$values")" "$(sed -n '1s/^# //p' "$values")"
    done
  done
}

# The files for those without Helm: account and lease in any case, the rights in all namespaces or in some, and those on nodes.
test_rights_are_those_that_the_operator_uses() {
  local place=$top/deploy/operator cases=$here/cases/alluxio-operator all=lake-alluxio-operator nodes name
  rendered alluxio-operator "$cases/defaults.yaml" >"$work/everywhere.yaml"
  rendered alluxio-operator "$cases/everything.yaml" >"$work/named.yaml"
  rendered alluxio-operator "$cases/roles-only.yaml" >"$work/roles.yaml"
  rendered alluxio-operator "$cases/defaults.yaml" --set rbac.nodes=false >"$work/no-nodes.yaml"
  nodes=$(printf ' nodes list\n nodes watch')
  same "$(rules_of "$place/rbac-nodes.yaml" ClusterRole alluxio-operator-nodes)" "$nodes"
  same "$(rules_of "$work/named.yaml" ClusterRole $all)" "$nodes"
  diff <(rules_of "$place/rbac-everywhere.yaml" ClusterRole alluxio-operator) <(rules_of "$work/no-nodes.yaml" ClusterRole $all)
  diff <((rules_of "$place/rbac-everywhere.yaml" ClusterRole alluxio-operator && echo "$nodes") | sort) \
    <(rules_of "$work/everywhere.yaml" ClusterRole $all)
  for name in named roles; do
    diff <(rules_of "$place/rbac-namespace.yaml" Role alluxio-operator) <(rules_of "$work/$name.yaml" Role $all | sort -u)
  done
  diff <(rules_of "$place/rbac.yaml" Role alluxio-operator-lease) <(rules_of "$work/everywhere.yaml" Role $all-lease)
  same "$(as_json "$work/roles.yaml" | jq '[.[] | select(.kind | startswith("Cluster"))] | length')" 0
}

# Each role of these files is bound, to the one account.
test_the_files_of_rights_belong_together() {
  local file all
  for file in "$top"/deploy/operator/rbac*.yaml; do
    all=$(as_json "$file")
    same "$(jq -r '.[] | select(.kind | endswith("Binding")) | .roleRef.kind + " " + .roleRef.name' <<<"$all")" \
      "$(jq -r '.[] | select(.kind | endswith("Role")) | .kind + " " + .metadata.name' <<<"$all")"
    same "$(jq -r '[.[].subjects[]? | .kind, .namespace, .name] | unique | join(" ")' <<<"$all")" "ServiceAccount alluxio-operator"
  done
  same "$(as_json "$top/deploy/operator/rbac.yaml" | jq -r '.[] | select(.kind == "ServiceAccount").metadata | .namespace + "/" + .name')" alluxio-operator/alluxio-operator
}

test_notes_tell_what_is_missing() {
  local cases=$here/cases/alluxio-operator monitoring="monitoring.prometheusRule.enabled=true"
  has_not "$(notes alluxio-operator "$cases/defaults.yaml")" rbac
  has "$(notes alluxio-operator "$cases/roles-only.yaml")" "rbac.nodes is false"
  has "$(notes alluxio-operator "$cases/no-rights.yaml")" "bind the account given in the namespace data"
  has_not "$(notes alluxio-operator "$cases/everything.yaml")" "The alerts read"
  has_not "$(notes alluxio "$here/cases/alluxio/single.yaml")" zookeeper
  has "$(notes alluxio "$here/cases/alluxio/ha.yaml")" "alluxio.zookeeper.leader.path=/alluxio/data/lake-prod/leader"
  has "$(notes alluxio "$here/cases/alluxio/ha.yaml")" "alluxio://lake-prod-leader.data.svc:19998/"
  has "$(notes alluxio "$here/cases/alluxio/ha.yaml" --set zookeeper.chroot=/alluxio,masters.ports.rpc=1234)" "path=/alluxio/leader."
  has "$(notes alluxio-operator "$cases/defaults.yaml" --set "$monitoring")" "AlluxioOperatorDoesNotAct fires for ever"
  has "$(notes alluxio-operator "$cases/defaults.yaml" --set "$monitoring,monitoring.serviceMonitor.enabled=true")" "never fire"
}

# What `helm test` runs, where no operator listens.
test_an_operator_that_does_not_answer_fails_the_test() {
  local script
  rendered alluxio-operator "$here/cases/alluxio-operator/defaults.yaml" >"$work/rendered"
  script=$(as_json "$work/rendered" | jq -r '.[] | select(.kind == "Pod").spec.containers[0].args[0]')
  has "$script" "host=lake-alluxio-operator port=8080"
  script=${script/host=lake-alluxio-operator port=8080/host=127.0.0.1 port=1}
  has "$(refused bash -c "$script")" "http://127.0.0.1:1/readyz"
}

test_the_charts_are_of_this_version() {
  local version chart
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$top/Cargo.toml" | head -n 1)
  for chart in $charts; do
    same "$(sed -n 's/^version: //p' "$top/charts/$chart/Chart.yaml")" "$version"
    same "$(sed -n 's/^appVersion: //p' "$top/charts/$chart/Chart.yaml")" "\"$version\""
  done
}

test_metrics_exist() {
  local files name dotted known
  files=("$top"/charts/alluxio-operator/dashboards/*.json "$top/charts/alluxio-operator/files/alerts.yaml")
  known=$(grep -rhoE '"(Master|Cluster|Worker)\.[A-Za-z]+"' "$top"/master/src "$top"/worker/src "$top"/crates/telemetry/src | tr -d '"'
    cut -f 1 "$top/crates/telemetry/src/metrics/metrics.tsv")
  for name in $(grep -rhoE '\b(Master|Cluster|Worker)_[A-Za-z]+' "${files[@]}" | sort -u); do
    dotted=${name/_/.}
    grep -qxF "$dotted" <<<"$known" || { echo "no metric $dotted"; return 1; }
    ! grep -qF "\`$dotted\`" <(sed -n '/leaves out/,$p' "$top/docs/metrics.md") || { echo "$dotted is left out"; return 1; }
  done
  for name in $(grep -rhoE '\balluxio_operator_[a-z_]+' "${files[@]}" | sed 's/_bucket$//' | sort -u); do
    grep -rqF "\"${name#alluxio_operator_}\"" "$top/operator/src" || { echo "the operator has no metric $name"; return 1; }
  done
  for name in "${files[@]}"; do
    case $name in *.json) jq -e '.panels | length > 3' "$name" >/dev/null ;; esac
  done
}

run_cases
