#!/usr/bin/env bash
# The CUDA back end without a GPU: every kernel is compiled for one architecture, everything links, and programs say why the device cannot
# be used. Results are judged by tests/gpu.sh. Skips (77) where nvcc is not installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/build.sh
command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
command -v nvcc >/dev/null || { echo "cuda: skipped: nvcc is not installed"; exit 77; }
options=$(cmake/cublas-options.sh build/cublas)
quick=() # no kernel runs: the compiler need not look for the fastest code, which takes it five times as long
! nvcc --help | grep -q -- '--Ofast-compile' || quick=(-DCMAKE_CUDA_FLAGS=-Ofc=max)
# shellcheck disable=SC2086
build cuda cuda-link -DCMAKE_BUILD_TYPE=None -DSOLID_CUDA_ARCHITECTURES=90-real -DSOLID_HAVE_X86_64_v3=OFF -DSOLID_HAVE_X86_64_v4=OFF \
  "${quick[@]}" $options -- --target solid bench_gpu bench_attend test_table test_solid_context solid_train solid_plan solid_ingestd make_dataset \
  solid_fake_driver
ctest --test-dir build/cuda-link --no-tests=error --output-on-failure -j 2 -R '^(test_table|test_solid_context|walk_devices)$'
