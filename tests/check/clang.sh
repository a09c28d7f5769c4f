#!/usr/bin/env bash
# clang reads every source as preset clang would compile it, and warns of none: its warnings need no code, so none is made, and
# nothing is linked or run. (What clang makes and links runs under libFuzzer.) Skips (77) where clang is not installed.
set -euo pipefail
if [ "${1:-}" = --read ]; then # as launcher, in the build's folder: an empty object stands for what would be compiled or linked
  shift
  case " $* " in *" -c "*) "$@" -fsyntax-only ;; esac
  while [ "$1" != -o ]; do shift; done
  exec cp nothing.o "$2"
fi
cd "$(dirname "$0")/../.."
command -v clang >/dev/null || { echo "clang: skipped: clang is not installed (cmake/install-packages.sh lint)"; exit 77; }
# A source that several programs have is read for one of them, but kernels for every instruction level; what has the number of
# the next version (tests/e2e) differs in the number alone.
each_once() { awk '/\/next_/ { next } { source = $0; if (!/solid_cpu_/) sub(/CMakeFiles\/[^\/]*\.dir/, "", source) } !seen[source]++'; }
mkdir -p build/clang
echo 'typedef int nothing;' | clang -x c -c - -o build/clang/nothing.o
{ cmake --preset clang -DSOLID_TESTS=ON -DCMAKE_C_COMPILER_LAUNCHER="$PWD/tests/check/clang.sh;--read" \
  -DCMAKE_C_LINKER_LAUNCHER="$PWD/tests/check/clang.sh;--read" &&
  ninja -C build/clang -t targets all | sed -n 's/: C_COMPILER__.*//p' | each_once >build/clang/objects &&
  xargs -a build/clang/objects ninja -C build/clang; } >build/clang.log 2>&1 ||
  { tests/support/what_failed.sh build/clang.log; echo "clang: whole log: build/clang.log"; exit 1; }
echo "clang: $(wc -l <build/clang/objects) sources without a warning"
