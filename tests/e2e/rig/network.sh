# The bridge that joins control plane and nodes: the hub is $net.1, node I is $net.(10+I), its pods are $pods.I.0/24; those of kwok's nodes are $fake_pods.

bridge=rig0
net=10.88.0
pods=10.244
fake_pods=10.200.0.0/16
services=10.96
hub_address=$net.1

node_address() { echo "$net.$((10 + $1))"; }

network_up() {
  local i
  if ip link show $bridge >/dev/null 2>&1; then return; fi
  ip link set lo up
  ip link add $bridge type bridge
  ip addr add $hub_address/24 dev $bridge
  ip link set $bridge up
  # The hub has no kube-proxy: node 1 translates the addresses of services for it.
  ip route add $services.0.0/16 via "$(node_address 1)"
  # Nodes know no name but those of /etc/hosts, and ask nobody in vain. The hub, where tests and their clients are, knows those of
  # pods and services as pods do, whichever node is lost.
  : >"$run/resolv.conf"
  {
    echo "search cluster.local"
    echo "options ndots:5 timeout:1 attempts:2"
    for i in 1 2 3; do echo "nameserver $(node_address "$i")"; done
  } >"$run/hub-resolv.conf"
  mount --bind "$run/hub-resolv.conf" /etc/resolv.conf
}

# One leg of the node on the bridge; and the ways between its pods and those of other nodes.
node_network_up() { # I
  local i=$1 address other
  address=$(node_address "$i")
  ip link add "rig$i" type veth peer name eth0 netns "$(node_process "$i")"
  ip link set "rig$i" master $bridge up
  ip route replace "$pods.$i.0/24" via "$address"
  in_node "$i" sh -ec "
    ip link set lo up
    ip link set eth0 up
    ip addr add $address/24 dev eth0
    ip route add $services.0.0/16 dev eth0 src $address
    sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.bridge.bridge-nf-call-iptables=1"
  for other in $(nodes); do
    [ "$other" != "$i" ] || continue
    in_node "$i" ip route replace "$pods.$other.0/24" via "$(node_address "$other")"
    in_node "$other" ip route replace "$pods.$i.0/24" via "$address"
  done
}

# What pods send and get is forwarded, what kubelet sends and gets is not. The address is that of the server also where a service was called:
# kube-proxy translates before these chains. Both ways: a watch that is open would tell the node what happens for as long as nobody misses its
# answers.
api_rules() { # OPERATION I
  local chain
  for chain in OUTPUT FORWARD; do
    in_node "$2" iptables -w "$1" "$chain" -d $hub_address -p tcp --dport 6443 -j DROP
  done
  for chain in INPUT FORWARD; do
    in_node "$2" iptables -w "$1" "$chain" -s $hub_address -p tcp --sport 6443 -j DROP
  done
}
api_cut() { api_rules -I "$1"; }
api_join() { api_rules -D "$1"; }

# Whatever it was cut off from.
joined() { # I
  ip link set "rig$1" up
  while api_join "$1" 2>/dev/null; do :; done
}
