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
exit "$bad"
