#!/usr/bin/env bash
# Makes keys and certificates of a Kubernetes cluster in a folder; what is there already stays.
#   certificates.sh FOLDER authority NAME
#   certificates.sh FOLDER server NAME AUTHORITY COMMON_NAME ALTERNATIVE_NAMES    (IP:127.0.0.1,DNS:localhost)
#   certificates.sh FOLDER client NAME AUTHORITY COMMON_NAME [ORGANISATION]       Kubernetes takes them as user and group
#   certificates.sh FOLDER pair NAME    a private and a public key
set -euo pipefail

key() { # NAME
  [ -s "$1.key" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
}

pair() { # NAME
  key "$1"
  [ -s "$1.pub" ] || openssl pkey -in "$1.key" -pubout -out "$1.pub"
}

authority() { # NAME
  [ ! -s "$1.crt" ] || return 0
  key "$1"
  openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 3650 -addext 'keyUsage=critical,keyCertSign,cRLSign' -out "$1.crt"
}

signed() { # NAME AUTHORITY SUBJECT EXTENSIONS
  [ ! -s "$1.crt" ] || return 0
  key "$1"
  openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
  printf 'keyUsage=critical,digitalSignature\n%s\n' "$4" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -set_serial "0x$(openssl rand -hex 16)" -days 3650 \
    -extfile "$1.ext" -out "$1.crt" 2>"$1.log" || { cat "$1.log" >&2; exit 1; }
  rm "$1.csr" "$1.ext" "$1.log"
}

server() { signed "$1" "$2" "/CN=$3" "extendedKeyUsage=serverAuth
subjectAltName=$4"; }
client() { signed "$1" "$2" "${4:+/O=$4}/CN=$3" extendedKeyUsage=clientAuth; }

folder=${1:?usage: certificates.sh FOLDER authority|server|client|pair NAME ...}
case ${2:-} in
  authority | server | client | pair) ;;
  *) echo "usage: certificates.sh FOLDER authority|server|client|pair NAME ..." >&2; exit 2 ;;
esac
mkdir -p "$folder"
cd "$folder"
umask 077
"${@:2}"
