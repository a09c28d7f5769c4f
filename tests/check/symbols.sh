#!/usr/bin/env bash
# Exported symbols of each shared library = the functions marked SOLID_API in its public headers. Of installed archives:
# no name but those of solid_, and every function of the public headers.   symbols.sh BUILD_DIR | symbols.sh --archives LIB_DIR
set -uo pipefail
cd "$(dirname "$0")/../.."
bad=0
declared_in() { cat "$@" | tr '\n' ' ' | grep -oE 'SOLID_API [^;]*;' | grep -oE 'solid_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u; }
check() { # library header...
  local library=$1
  shift
  [ -e "$library" ] || { echo "symbols: $library is not built"; return; }
  local declared exported
  declared=$(declared_in "$@")
  exported=$(nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ {print $3}' | grep -vE '^(_init|_fini|__)' | sort -u)
  if [ "$declared" != "$exported" ]; then
    echo "symbols: $library (< declared, not exported; > exported, not declared)"
    diff <(echo "$declared") <(echo "$exported")
    bad=1
  else
    echo "symbols: $(basename "$library"): $(echo "$exported" | wc -l) exported, all declared"
  fi
}
archive() { # library header...; weak names may be there several times and meet nobody's
  local library=$1 names strangers missing
  shift
  [ -e "$library" ] || { echo "symbols: $library is not installed"; bad=1; return; }
  names=$(nm -g --defined-only "$library" 2>/dev/null | awk 'NF == 3 && $2 !~ /[VWuvw]/ {print $3}' | sort -u)
  strangers=$(echo "$names" | grep -v '^solid_')
  missing=$(comm -23 <(declared_in "$@") <(echo "$names"))
  if [ -n "$strangers$missing" ] || [ -z "$names" ]; then
    echo "symbols: $library (names outside solid_, then declared functions that it lacks)"
    printf '%s\n' "$strangers" "$missing"
    bad=1
  else
    echo "symbols: $(basename "$library"): $(echo "$names" | wc -l) names, all of solid_"
  fi
}
if [ "$1" = --archives ]; then
  for library in "$2"/libsolid*.a; do
    case $(basename "$library" .a) in
    libsolid) archive "$library" solid/*.h ;;
    libsolid_train) archive "$library" $(ls solid/train/*.h 2>/dev/null || echo /dev/null) ;;
    libsolid_*) folder=$(basename "$library" .a); archive "$library" "${folder#libsolid_}"/*.h ;;
    esac
  done
  exit "$bad"
fi
build=$1
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
