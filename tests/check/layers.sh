#!/usr/bin/env bash
# Arrows point down only: examples -> {ingest, store, solid/train} -> solid/serve -> infer -> model -> kernels -> solid/base.
# Prints every line that breaks a rule, and every circle of includes.
set -uo pipefail
cd "$(dirname "$0")/../.."
bad=0
# rule NAME PATTERN FILES...: no #include (or line) matching PATTERN in FILES
rule() {
  local name=$1 pattern=$2
  shift 2
  local hits
  hits=$(grep -nE "$pattern" "$@" /dev/null 2>/dev/null)
  if [ -n "$hits" ]; then
    printf 'layering: %s\n%s\n' "$name" "$hits"
    bad=1
  fi
}
# only NAME PATTERN FILES...: every #include "..." in FILES matches PATTERN
only() {
  local name=$1 pattern=$2
  shift 2
  local hits
  hits=$(grep -nE '#include "' "$@" /dev/null 2>/dev/null | grep -vE "#include \"($pattern)")
  if [ -n "$hits" ]; then
    printf 'layering: %s\n%s\n' "$name" "$hits"
    bad=1
  fi
}
files() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null; }
mapfile -t base < <(files solid/base)
mapfile -t kernels < <(files kernels)
mapfile -t model < <(files solid/model)
mapfile -t infer < <(files solid/infer)
mapfile -t serve < <(files solid/serve)
mapfile -t solid < <(files solid | grep -v '^solid/train/')
mapfile -t train < <(files solid/train)
mapfile -t store < <(files store)
mapfile -t ingest < <(files ingest)
mapfile -t examples < <(files examples)
mapfile -t public < <(find solid store ingest solid/train -maxdepth 1 -name '*.h')
mapfile -t libraries < <(files kernels solid store ingest)
mapfile -t everything < <(files kernels solid store ingest examples tests)

room='solid/(model|infer|serve|train)/'
floor='solid/(base/|(status|extend|export)\.h)'
only "solid/base sees status.h, extend.h, export.h and itself" "$floor" "${base[@]}"
only "kernels/ sees solid/base and kernels/" "$floor|kernels/" "${kernels[@]}"
below="$floor|kernels/|solid/model/|solid/(context|model|codebook|items|types|version)\\.h"
only "solid/model sees kernels/ and itself" "$below" "${model[@]}"
only "solid/infer sees solid/model, kernels/ and itself" "$below|solid/infer/|solid/worker\.h" "${infer[@]}"
rule "vocabulary headers include only <stddef.h>, <stdint.h>, export.h" '#include (<(std[^di]|std(dd|in)x|[^s])|"solid/[^e])' solid/export.h solid/types.h
rule "solid/ does not see store/, ingest/ or solid/train/" '#include "(store|ingest|solid/train|examples|tests)/' "${solid[@]}"
rule "public headers see public headers alone" '#include "(kernels/|solid/(base|model|infer|serve|train/[a-z_]+)/|(store|ingest)/[a-z_]+/)' "${public[@]}"
rule "store/ sees public solid headers, the base and itself" "#include \"(ingest|kernels|$room|examples|tests)" "${store[@]}"
rule "ingest/ sees public solid headers, the base and itself" "#include \"(store|kernels|$room|examples|tests)" "${ingest[@]}"
rule "solid/train does not see store/, ingest/ or solid/serve" '#include "(store|ingest|examples|tests|solid/serve)/' "${train[@]}"
rule "solid/train/data sees no other room of training" "#include \"solid/train/(codebook|fit|evaluate)/|#include \"solid/train/(options|provenance|trainer|budget|evaluate|metrics|compare|slices|beyond)\\.h" $(files solid/train/data)
rule "solid/train/codebook sees data/" "#include \"solid/train/(fit|evaluate)/|#include \"solid/train/(options|provenance|trainer|budget|evaluate|metrics|compare|slices|beyond)\\.h" $(files solid/train/codebook)
rule "solid/train/fit sees data/ and codebook/" "#include \"solid/train/evaluate/|#include \"solid/train/(evaluate|metrics|compare|slices|beyond)\\.h" $(files solid/train/fit)
rule "solid/train/evaluate sees data/ and provenance" "#include \"solid/train/(codebook|fit)/|#include \"solid/train/(trainer|budget)\\.h" $(files solid/train/evaluate)
# What programs take of the ground floor is in examples/common/ground.h. The models of the paper are built from the kernels: examples/paper/README.md says why they may see private headers.
rule "programs see installed headers alone" "#include \"(solid/(base|model|infer|serve|train/[a-z_]+)|kernels|store/[a-z_]+|ingest/[a-z_]+)/" $(printf '%s\n' "${examples[@]}" | grep -vE '^examples/(paper/|common/ground\.h)')
rule "hiredis only in store/" '#include <hiredis' $(printf '%s\n' "${everything[@]}" | grep -vE '^(store|tests)/')
rule "OpenSSL only in store/redis/tls.c" '#include <openssl' $(printf '%s\n' "${everything[@]}" | grep -vE '^(store/redis/tls\.c|tests/)')
rule "librdkafka only in ingest/, examples and tests" '#include <librdkafka' $(printf '%s\n' "${libraries[@]}" | grep -v '^ingest/')
rule "no hiredis, librdkafka or CUDA type in a public header" '(redisContext|redisReply|rd_kafka_|cudaStream_t|#include <(hiredis|librdkafka|cuda))' "${public[@]}"
rule "CUDA headers only in kernels/cuda" '#include <(cuda|cublas)' $(printf '%s\n' "${everything[@]}" | grep -v '^kernels/cuda/')
rule "no relative includes, no included sources" '#include "(\.|[^"]*\.(c|cu)")' "${everything[@]}"
rule "libraries do not print, exit or abort" '(^|[^_[:alnum:]])(printf|puts|perror|exit|_exit|abort)\(' "${libraries[@]}"
rule "numbers with a point are read by solid/base/number.h: the same under any locale" '(^|[^_[:alnum:]])(strtod|strtof|strtold|atof)\(' $(printf '%s\n' "${libraries[@]}" | grep -v '^solid/base/number\.c')
rule "prefetches go through solid/base/fetch.h: a compiler may leave others out" '__builtin_prefetch' $(printf '%s\n' "${libraries[@]}" | grep -vE '^(kernels/|solid/base/fetch\.h)')
rule "nothing outside solid/train, examples and tests uses solid/train" '#include "solid/train/' "${kernels[@]}" "${solid[@]}" "${store[@]}" "${ingest[@]}"

# Circles: a header that reaches itself through its includes, as tsort finds them.
circles=$(printf '%s\n' "${everything[@]}" | grep -v '^tests/' | xargs grep -HoE '#include "[^"]+"' |
  sed -E 's/:#include "([^"]+)"/ \1/' | awk '{ a = $1; sub(/\.(c|cu)$/, "", a); print (a == $1 ? $1 : a "(source)"), $2 }' | tsort 2>&1 >/dev/null)
if [ -n "$circles" ]; then printf 'layering: a circle of includes\n%s\n' "$circles"; bad=1; fi
# The same with a source and its header as one: no two files know each other, by whatever way.
circles=$(printf '%s\n' "${libraries[@]}" "${examples[@]}" | xargs grep -HoE '#include "[^"]+"' |
  sed -E 's/:#include "([^"]+)"/ \1/; s/\.(c|h|cu|cuh)( |$)/\2/g' | awk '$1 != $2' | tsort 2>&1 >/dev/null)
if [ -n "$circles" ]; then printf 'layering: files that know each other in a circle\n%s\n' "$circles"; bad=1; fi
[ "$bad" = 0 ] && echo "layers: ${#everything[@]} files obey"
exit "$bad"
