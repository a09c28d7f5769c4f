#!/usr/bin/env bash
# cmake/install-packages.sh with an apt-get that finds the package lock held: it waits, gives up in time, and says any other
# failure at once.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
printf '#!/bin/sh\nexit 1\n' >"$work/bin/dpkg-query" # nothing is installed
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
cat >"$work/bin/apt-get" <<'STUB'
#!/bin/sh
echo call >>"$WORK/calls"
[ "$(wc -l <"$WORK/calls")" -gt "$FAULTS" ] && exit 0
echo "$FAULT" >&2
exit 100
STUB
chmod +x "$work/bin"/*
bad=0
# installs FAULTS FAULT SECONDS: the code, and what was said
installs() {
  rm -f "$work/calls"
  PATH="$work/bin:$PATH" WORK=$work FAULTS=$1 FAULT=$2 SOLID_LOCK_SECONDS=$3 TMPDIR=$work "$root/cmake/install-packages.sh" watch >"$work/said" 2>&1
}
expect() {
  local what=$1
  shift
  "$@" || { echo "packages: $what"; cat "$work/said"; bad=1; }
}
held="E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (apt-get)"
installs 2 "$held" 60
expect "a lock that is held for a moment is waited for" [ $? = 0 ]
expect "it says that it waits, once" [ "$(grep -c 'holds the package lock: waiting' "$work/said")" = 1 ]
expect "it tries again: two faults, then update and install" [ "$(wc -l <"$work/calls")" = 4 ]
installs 99 "$held" 1
expect "a lock that is held for good is given up" [ $? = 1 ]
expect "with apt-get's own words" grep -qF "held by process 4711" "$work/said"
installs 99 "E: Unable to locate package prometheus" 60
expect "another failure ends it" [ $? = 1 ]
expect "at once" [ "$(wc -l <"$work/calls")" = 1 ]
[ "$bad" = 0 ] && echo "packages: waits for a held lock, and for nothing else"
exit "$bad"
