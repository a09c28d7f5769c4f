#!/usr/bin/env bash
# Prints the options that CMake needs to find cuBLAS, one a line: none where the toolkit has it; else the library of NVIDIA's wheel,
# which pip unpacks into DIR (570 MB, once).   cmake/cublas-options.sh DIR
set -euo pipefail
dir=${1:?cublas-options: which folder may hold the wheel?}
command -v nvcc >/dev/null || { echo "cublas-options: no nvcc" >&2; exit 1; }
top=$(nvcc --dryrun -x cu /dev/null 2>&1 | sed -n 's/^#\$ TOP=//p' | head -n 1)
# (grep reads to the end: with -q a search that was cut short would count as one that failed)
if find -L "$top"/lib64 "$top"/lib "$top"/targets/*/lib -maxdepth 1 -name 'libcublas.so' 2>/dev/null | grep . >/dev/null ||
  ldconfig -p 2>/dev/null | grep 'libcublas\.so ' >/dev/null; then
  exit 0
fi

major=$(nvcc --version | sed -n 's/.*release \([0-9]*\)\..*/\1/p')
case $major in
12) package=nvidia-cublas-cu12 ;;
13) package=nvidia-cublas==13.1.1.3 ;;
*) echo "cublas-options: no wheel is known for CUDA $major; install cuBLAS into the toolkit" >&2; exit 1 ;;
esac
find_library() { find "$dir" -name 'libcublas.so.*' 2>/dev/null | sort | tail -n 1; }
if [ -z "$(find_library)" ]; then
  mkdir -p "$dir"
  python3 -m pip install --quiet --no-deps --no-cache-dir --target "$dir" "$package" >"$dir/pip.log" 2>&1 ||
    { tail -n 5 "$dir/pip.log" >&2; echo "cublas-options: pip could not install $package (whole log: $dir/pip.log)" >&2; exit 1; }
fi
library=$(cd "$(dirname "$(find_library)")" && pwd)/$(basename "$(find_library)")
echo "-DCUDA_cublas_LIBRARY=$library"
echo "-DSOLID_CUBLAS_INCLUDE_DIR=$(dirname "$(dirname "$library")")/include"
