# Sourced by tests that are shell scripts: runs the functions named test_*, each in a process of its own that ends at the first
# failed command, and ends like a program of `cargo test`, so that scripts/test.sh counts them. ONLY=word: those with it in their name.

run_cases() {
  local name output status passed=0 failed=0 list
  list=$(declare -F | awk '$3 ~ /^test_/ { print $3 }')
  for name in $list; do
    case $name in *"${ONLY:-}"*) ;; *) continue ;; esac
    # Not as the condition of an `if`: that would turn `set -e` off within.
    set +e
    output=$( (set -e; "$name") 2>&1)
    status=$?
    set -e
    if [ "$status" = 0 ]; then
      passed=$((passed + 1))
      echo "test $name ... ok"
    else
      failed=$((failed + 1))
      printf 'test %s ... FAILED\n%s\n' "$name" "$output"
    fi
  done
  if [ "$failed" = 0 ] && [ "$passed" -gt 0 ]; then
    echo "test result: ok. $passed passed; 0 failed"
  else
    echo "test result: FAILED. $passed passed; $failed failed"
    return 1
  fi
}

# Asserts. Each says what it saw.
has() { # TEXT PART
  case $1 in *"$2"*) ;; *) printf "'%s' is not in:\n%s\n" "$2" "$1"; return 1 ;; esac
}
has_not() { # TEXT PART
  case $1 in *"$2"*) printf "'%s' is in:\n%s\n" "$2" "$1"; return 1 ;; esac
}
same() { # SEEN WANTED
  [ "$1" = "$2" ] || { printf "seen:   '%s'\nwanted: '%s'\n" "$1" "$2"; return 1; }
}
# The command must fail; prints what it says.
refused() { # COMMAND...
  local output
  if output=$("$@" 2>&1); then printf 'this should have failed: %s\n%s\n' "$*" "$output"; return 1; fi
  printf '%s\n' "$output"
}
# Waits for a condition, at most SECONDS.
within() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { printf 'waited in vain for: %s\n' "$*"; return 1; }
    sleep 0.1
  done
}
