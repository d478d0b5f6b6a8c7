#!/usr/bin/env bash
# Fetches what drives the browser, once, and prints the folder that holds it (with node_modules in it).
# The browser itself is the system's Chromium.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/alluxio-rs/browser

for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: install Node.js 18 or newer (Debian: apt-get install nodejs npm)" >&2; exit 1; }
done
command -v chromium >/dev/null || { echo "chromium is missing (Debian: apt-get install chromium)" >&2; exit 1; }

stamp=$(cat "$here/package-lock.json" "${BASH_SOURCE[0]}" | sha256sum | cut -d' ' -f1)
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9   # several tests may ask at once
if [ "$(cat "$cache/stamp" 2>/dev/null)" != "$stamp" ]; then
  cp "$here/package.json" "$here/package-lock.json" "$cache"
  for attempt in 1 2 3; do
    # No scripts: it must not fetch a browser of its own.
    if npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund >"$cache/log" 2>&1; then break; fi
    if [ "$attempt" = 3 ]; then
      echo "could not fetch the browser driver; the last lines of $cache/log:" >&2
      tail -n 8 "$cache/log" >&2
      exit 1
    fi
    sleep $((attempt * 5))
  done
  echo "$stamp" >"$cache/stamp"
fi
echo "$cache"
