# etcd, API server, controllers, scheduler; what every cluster has in it; and the provisioners of volumes.

api=https://$hub_address:6443
keys=$run/keys

certificate() { "$here/../kube/certificates.sh" "$keys" "$@"; }

kubeconfig() { # FILE CERTIFICATE
  local data="base64 -w0"
  cat >"$1" <<END
apiVersion: v1
kind: Config
clusters: [{name: rig, cluster: {server: "$api", certificate-authority-data: $($data "$keys/ca.crt")}}]
users: [{name: rig, user: {client-certificate-data: $($data "$keys/$2.crt"), client-key-data: $($data "$keys/$2.key")}}]
contexts: [{name: rig, context: {cluster: rig, user: rig}}]
current-context: rig
END
}

certificates() {
  local cluster=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  certificate authority ca
  certificate authority front-proxy-ca
  certificate server apiserver ca kube-apiserver "IP:$hub_address,IP:127.0.0.1,IP:$services.0.1,$cluster"
  certificate client apiserver-kubelet ca apiserver-kubelet system:masters
  certificate client front-proxy front-proxy-ca front-proxy-client
  certificate client admin ca admin system:masters
  certificate client controllers ca system:kube-controller-manager
  certificate client scheduler ca system:kube-scheduler
  certificate client proxy ca system:kube-proxy
  certificate pair accounts
  kubeconfig "$run/admin.conf" admin
  kubeconfig "$run/controllers.conf" controllers
  kubeconfig "$run/scheduler.conf" scheduler
  kubeconfig "$run/proxy.conf" proxy
}

# Also after its end: what it has stored is in etcd.
api_up() {
  start kube-apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=$hub_address --advertise-address=$hub_address --secure-port=6443 --service-cluster-ip-range=$services.0.0/16 \
    --allow-privileged --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --client-ca-file="$keys/ca.crt" --tls-cert-file="$keys/apiserver.crt" --tls-private-key-file="$keys/apiserver.key" \
    --kubelet-client-certificate="$keys/apiserver-kubelet.crt" --kubelet-client-key="$keys/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$keys/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$keys/accounts.pub" --service-account-signing-key-file="$keys/accounts.key" \
    --requestheader-client-ca-file="$keys/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User \
    --proxy-client-cert-file="$keys/front-proxy.crt" --proxy-client-key-file="$keys/front-proxy.key" --enable-aggregator-routing \
    --audit-policy-file="$here/../kube/audit-policy.yaml" --audit-log-path="$run/audit.log" --audit-log-mode=blocking \
    --audit-log-maxsize=100000 --profiling=false
  wait_for 90 "the API server is ready" kubectl get --raw /readyz
}

control_plane_up() {
  # The last that is written: a start that was cut short begins again.
  [ -e "$run/proxy.conf" ] || certificates
  # The machine does not die here, so nothing needs to be synced.
  start etcd "$bin/etcd" --data-dir="$run/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 --listen-peer-urls=http://127.0.0.1:2380
  api_up
  # The limits are for hundreds of nodes and pods.
  start kube-controller-manager "$bin/kube-controller-manager" --kubeconfig="$run/controllers.conf" \
    --authentication-kubeconfig="$run/controllers.conf" --authorization-kubeconfig="$run/controllers.conf" \
    --bind-address=127.0.0.1 --leader-elect=false --allocate-node-cidrs=false --kube-api-qps=200 --kube-api-burst=400 \
    --use-service-account-credentials --service-account-private-key-file="$keys/accounts.key" --root-ca-file="$keys/ca.crt" \
    --cluster-signing-cert-file="$keys/ca.crt" --cluster-signing-key-file="$keys/ca.key" \
    --node-monitor-grace-period="${NODE_GRACE:-40s}"
  start kube-scheduler "$bin/kube-scheduler" --kubeconfig="$run/scheduler.conf" --authentication-kubeconfig="$run/scheduler.conf" \
    --authorization-kubeconfig="$run/scheduler.conf" --bind-address=127.0.0.1 --leader-elect=false
  wait_for 30 "the cluster takes what belongs into it" kubectl apply --server-side --force-conflicts -f "$here/rig/addons.yaml"
  # A folder of the node per claim; and one of the folder that all nodes share.
  provisioner local-path '{"nodePathMap": [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": ["/srv/local"]}]}'
  provisioner shared '{"sharedFileSystemPath": "/srv/shared"}'
}

provisioner() { # CLASS SETTINGS
  echo "$2" >"$run/$1.json"
  start "$1" "$bin/local-path-provisioner" start --provisioner-name "rig/$1" --kubeconfig "$KUBECONFIG" --config "$run/$1.json" \
    --namespace kube-system --service-account-name default --configmap-name volumes --helper-image localhost/rig:1 \
    --helper-pod-file "$here/rig/volume_helper.yaml"
}

kwok_up() {
  # The addresses of pods that do not exist are this machine's own: whoever listens in the hub answers for all of them.
  ip route replace local "$fake_pods" dev lo
  # A lease is renewed four times as often: with a thousand nodes that must not be what the machine is busy with.
  start kwok "$bin/kwok" --kubeconfig="$KUBECONFIG" --config="$here/rig/kwok.yaml" \
    --manage-all-nodes=false --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake \
    --cidr="$fake_pods" --node-ip=$hub_address --node-lease-duration-seconds=200
}
