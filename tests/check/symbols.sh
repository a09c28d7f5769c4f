#!/usr/bin/env bash
# Exported symbols of each shared library = the functions marked SOLID_API in its public headers.   symbols.sh BUILD_DIR
set -uo pipefail
cd "$(dirname "$0")/../.."
build=$1 bad=0
check() { # library header...
  local library=$1
  shift
  [ -e "$library" ] || { echo "symbols: $library is not built"; return; }
  local declared exported
  declared=$(cat "$@" | tr '\n' ' ' | grep -oE 'SOLID_API [^;]*;' | grep -oE 'solid_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u)
  exported=$(nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ {print $3}' | grep -vE '^(_init|_fini|__)' | sort -u)
  if [ "$declared" != "$exported" ]; then
    echo "symbols: $library (< declared, not exported; > exported, not declared)"
    diff <(echo "$declared") <(echo "$exported")
    bad=1
  else
    echo "symbols: $(basename "$library"): $(echo "$exported" | wc -l) exported, all declared"
  fi
}
check "$build/solid/libsolid.so" solid/*.h
check "$build/store/libsolid_store.so" store/*.h
check "$build/ingest/libsolid_ingest.so" ingest/*.h
# An archive defines what its public headers declare, and no name that is not the project's.
archive() { # library header...
  local library=$1 declared defined
  shift
  [ -e "$library" ] || { echo "symbols: $library is not built"; return; }
  declared=$(cat "$@" | tr '\n' ' ' | grep -oE 'SOLID_API [^;]*;' | grep -oE 'solid_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u)
  defined=$(nm --defined-only "$library" 2>/dev/null | awk '$2 ~ /[TDBR]/ {print $3}' | sort -u)
  local missing foreign
  missing=$(comm -23 <(echo "$declared") <(echo "$defined"))
  foreign=$(grep -vE '^(solid|sol)_' <<<"$defined")
  if [ -n "$missing$foreign" ]; then
    printf 'symbols: %s (declared, not defined: %s; not named solid_ or sol_: %s)\n' "$library" "$missing" "$foreign"
    bad=1
  else
    echo "symbols: $(basename "$library"): $(echo "$declared" | wc -l) declared, all defined"
  fi
}
archive "$build/solid/train/libsolid_train.a" solid/train/*.h
exit "$bad"
