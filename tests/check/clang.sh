#!/usr/bin/env bash
# clang warns of no source:   clang.sh BUILD      BUILD: a folder in which everything was built, generated sources too
#
# Its warnings need no code, so none is made, and nothing is linked or run. (What clang makes and links runs under libFuzzer.) One
# process reads many sources, as starting clang takes longer than reading one. Skips (77) where clang is not installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: clang.sh BUILD}
reader=$(compgen -c clang-check | sort | head -n 1)
[ -n "$reader" ] || { echo "clang: skipped: clang-check is not installed (cmake/install-packages.sh lint)"; exit 77; }
sources=$(mktemp) && trap 'rm -f "$sources"' EXIT
sed -nE 's/^ *"file": "(.*)",?$/\1/p' "$build/compile_commands.json" | sort -u >"$sources"
# librdkafka's RD_KAFKA_V_ macros are statement expressions
xargs -a "$sources" -P "$(nproc)" -n 100 "$reader" -p "$build" --extra-arg=-Wno-gnu-statement-expression
echo "clang: $(wc -l <"$sources") sources without a warning"
