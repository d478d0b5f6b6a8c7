# Sourced: containers out of unpacked images, by runc. Each has a read-only root, no capabilities, and no network but its loopback.

# unpack IMAGE FILE: the docker archive into $work/IMAGE/{config.json,root}.
unpack() {
  local to=$work/$1 layer
  mkdir -p "$to/archive" "$to/root"
  tar -C "$to/archive" -xf "$2"
  cp "$to/archive/$(jq -r '.[0].Config' "$to/archive/manifest.json")" "$to/config.json"
  for layer in $(jq -r '.[0].Layers[]' "$to/archive/manifest.json"); do
    tar -C "$to/root" -xf "$to/archive/$layer"
  done
  rm -rf "$to/archive"
}

setting() { jq -r "$2" "$work/$1/config.json"; } # IMAGE JQ

# bundle NAME IMAGE [-u UID:GID] [-e VAR=value]... [-v FOLDER:/path]... [-n NAME] [-c] [WORD...]
# What runc reads. -n: the network of another container. -c: the words are the whole command, not the entry point's arguments.
bundle() {
  local name=$1 image=$2 user variables=() volumes=() network='' whole='' argv option OPTIND=1
  shift 2
  user=$(setting "$image" .config.User)
  while getopts u:e:v:n:c option; do
    case $option in
      u) user=$OPTARG ;;
      e) variables+=("$OPTARG") ;;
      v) volumes+=("$OPTARG") ;;
      n) network=/proc/$(runc state "$OPTARG" | jq .pid)/ns/net ;;
      c) whole=1 ;;
      *) return 2 ;;
    esac
  done
  shift $((OPTIND - 1))
  # As container engines do it: words replace the image's command, the entry point stays.
  argv=$(jq -n --args '$ARGS.positional' -- "$@")
  if [ -z "$whole" ]; then
    argv=$(jq --argjson given "$argv" '.config.Entrypoint + (if $given == [] then (.config.Cmd // []) else $given end)' "$work/$image/config.json")
  fi
  mkdir -p "$work/run/$name"
  (
    cd "$work/run/$name"
    rm -f config.json
    runc spec
    printf '127.0.0.1 localhost box\n' >hosts
    jq --argjson argv "$argv" --argjson variables "$(jq -n --args '$ARGS.positional' -- ${variables[@]+"${variables[@]}"})" \
      --argjson volumes "$(jq -n --args '$ARGS.positional' -- ${volumes[@]+"${volumes[@]}"})" \
      --arg root "$work/$image/root" --arg uid "${user%:*}" --arg gid "${user#*:}" --arg network "$network" --arg hosts "$PWD/hosts" \
      --argjson image "$(jq .config "$work/$image/config.json")" '
        .process.terminal = false | .process.args = $argv | .process.cwd = ($image.WorkingDir // "/")
        | .process.env = $image.Env + $variables | .process.user = {uid: ($uid | tonumber), gid: ($gid | tonumber)}
        | .process.capabilities = {} | .hostname = "box" | .root = {path: $root, readonly: true}
        | .mounts += [{destination: "/etc/hosts", type: "bind", source: $hosts, options: ["bind", "ro"]}]
        | .mounts += [$volumes[] | split(":") | {destination: .[1], type: "bind", source: .[0], options: ["rbind", "rw"]}]
        | if $network == "" then . else .linux.namespaces |= map(if .type == "network" then .path = $network else . end) end
      ' config.json >changed.json
    mv changed.json config.json
  )
}

# once …: as bundle; runs to the end, prints the output.
once() {
  bundle "$@" && timeout 60 runc run --bundle "$work/run/$1" "$1"
}

# start …: as bundle; runs in the background, its output goes to $work/run/NAME/log.
start() {
  bundle "$@" || return
  runc run --bundle "$work/run/$1" "$1" >"$work/run/$1/log" 2>&1 &
  echo $! >"$work/run/$1/waiter"
  within 20 running "$1"
}

running() { [ "$(runc state "$1" 2>/dev/null | jq -r .status)" = running ]; }

# As `kubectl exec` does it: with the container's own user and variables.
within_container() { # NAME COMMAND...
  timeout 60 runc exec "$@"
}

gone() { ! kill -0 "$1"; } # PID

# SIGTERM: it must end, and well.
stop() { # NAME
  local waiter status=0
  waiter=$(cat "$work/run/$1/waiter")
  runc kill "$1" TERM
  within 30 gone "$waiter"
  wait "$waiter" || status=$?
  same "$status" 0
}

# What is left of containers of this run.
end_all() {
  local name
  for name in "$work"/run/*/; do
    [ -d "$name" ] && runc delete --force "$(basename "$name")" 2>/dev/null || true
  done
}

# A folder for a volume that the image's user may write.
volume() { # NAME
  mkdir -p "$work/volumes/$1"
  chmod 0777 "$work/volumes/$1"
  echo "$work/volumes/$1"
}
