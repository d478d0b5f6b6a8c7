# What the reader of a failed test wants to see.

evidence() { # FOLDER
  local folder=$1 kinds=nodes,pods,services,endpointslices,statefulsets,daemonsets,deployments,jobs,configmaps,pvc,pv,pdb,leases
  local kubectl=(timeout 20 kubectl) namespace pod
  mkdir -p "$folder/pods"
  cp -r "$run/log" "$folder/rig"
  cp "$run/audit.log" "$folder"
  # The API server may be what is broken: nothing here waits long, and what fails says so in its file.
  "${kubectl[@]}" get "$kinds" -A -o wide >"$folder/objects.txt" 2>&1 || true
  "${kubectl[@]}" get "$kinds" -A -o yaml >"$folder/objects.yaml" 2>&1 || true
  "${kubectl[@]}" get alluxioclusters -A -o yaml >"$folder/alluxioclusters.yaml" 2>&1 || true
  "${kubectl[@]}" get events -A --sort-by=.metadata.creationTimestamp >"$folder/events.txt" 2>&1 || true
  "${kubectl[@]}" describe pods -A >"$folder/pods.txt" 2>&1 || true
  # Pods of kwok's nodes run nothing that could have said anything.
  if alive kwok; then return; fi
  while read -r namespace pod; do
    "${kubectl[@]}" logs -n "$namespace" "$pod" --all-containers --prefix --tail=-1 >"$folder/pods/$namespace.$pod.log" 2>&1 || true
    "${kubectl[@]}" logs -n "$namespace" "$pod" --all-containers --prefix --previous >"$folder/pods/$namespace.$pod.before.log" 2>/dev/null ||
      rm -f "$folder/pods/$namespace.$pod.before.log"
  done < <("${kubectl[@]}" get pods -A --no-headers -o custom-columns=:metadata.namespace,:metadata.name 2>/dev/null)
}
