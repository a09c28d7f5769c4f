#!/usr/bin/env bash
# Every public header compiles alone and twice, as C11 and as C++17, with warnings as errors.
set -uo pipefail
cd "$(dirname "$0")/../.."
cc=${CC:-cc} cxx=${CXX:-c++} bad=0 count=0
for header in $(find solid solid/train store ingest -maxdepth 1 -name '*.h' | sort); do
  source=$(printf '#include "%s"\n#include "%s"\nint solid_header_check(void);\nint solid_header_check(void) { return 0; }\n' "$header" "$header")
  for language in c c++; do
    [ "$language" = c ] && compiler=("$cc" -std=c11) || compiler=("$cxx" -std=c++17)
    count=$((count + 1))
    printf '%s\n' "$source" | "${compiler[@]}" -x "$language" -Wall -Wextra -Wpedantic -Werror -D_POSIX_C_SOURCE=200809L -I. -fsyntax-only - ||
      { echo "headers: $header does not stand alone as $language"; bad=1; }
  done
done
[ "$bad" = 0 ] && echo "headers: $count compilations clean"
exit "$bad"
