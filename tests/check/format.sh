#!/usr/bin/env bash
# clang-format leaves every source file as it is. Skips (77) where clang-format is not installed.
set -uo pipefail
cd "$(dirname "$0")/../.."
formatter=$(command -v clang-format-14 || command -v clang-format) || { echo "format: clang-format is not installed"; exit 77; }
mapfile -t sources < <(find solid kernels store ingest tests examples \( -name '*.c' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) | sort)
"$formatter" --dry-run --Werror "${sources[@]}" && echo "format: ${#sources[@]} files clean"
