#!/usr/bin/env bash
# The C API as Python's ctypes binds it.   bind_test.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$1
python3 -c 'import ctypes' 2>/dev/null || { echo "bind: skipped: python3 with ctypes is not there (Debian: python3)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
python3 "$here/layout_test.py" "$here/../.." "${CC:-cc}"
"$build/bin/make_dataset" --users 100 --items 100 --seed 1 --out "$work/data" >/dev/null
"$build/bin/solid_train" --data "$work/data/events.jsonl" --width 8 --codes 4 --epochs 2 --threads 1 --out "$work/model.safetensors" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
python3 "$here/store_test.py" "$build/solid/libsolid.so" "$build/store/libsolid_store.so" "$build/bin/quickstart" "$work/model.safetensors"
