# Sourced by every script in bin/: finds the installation, reads conf/alluxio-env.sh, and exports what
# the programs read from the environment.

libexec=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$(dirname "$libexec")/bin

ALLUXIO_HOME=${ALLUXIO_HOME:-$(dirname "$libexec")}
ALLUXIO_CONF_DIR=${ALLUXIO_CONF_DIR:-$ALLUXIO_HOME/conf}
if [ -f "$ALLUXIO_CONF_DIR/alluxio-env.sh" ]; then
  # People write NAME=value there without `export`, and "$NAME more" where NAME may not be set.
  set -a +u
  . "$ALLUXIO_CONF_DIR/alluxio-env.sh"
  set +a -u
fi
export ALLUXIO_HOME ALLUXIO_CONF_DIR

# Prints what a property is for the process of a role. The programs alone know where values come from.
property() { # ROLE PROPERTY
  local options=ALLUXIO_${1^^}_JAVA_OPTS
  ALLUXIO_USER_JAVA_OPTS=${!options:-} "$libexec/alluxio" getConf "$2" ||
    { echo "The configuration cannot be used; see above." >&2; return 1; }
}

host_name() { hostname -f 2>/dev/null || hostname; }

# A wrong call: what is wrong, and the usage.
usage_error() { # MESSAGE
  printf 'Error: %s\n\n' "$1" >&2
  usage >&2
  exit 1
}
