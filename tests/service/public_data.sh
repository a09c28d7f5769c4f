#!/usr/bin/env bash
# Programs on the public data sets, where SOLID_DATA (or ../shared/data) has them: popularity against published figures, slates on
# ml-100k.   public_data.sh BUILD   Skips (77) where there are none.
set -uo pipefail
bin=$1/bin tests=$(cd "$(dirname "$0")/.." && pwd)
data=${SOLID_DATA:-$tests/../../shared/data}
"$tests/examples/public_eval.sh" "$bin/solid_eval" "$data"
code=$?
[ ! -f "$data/ml-100k/ml-100k.inter" ] ||
  "$tests/examples/slate.sh" "$bin/solid_train" "$bin/solid_eval" "$bin/make_dataset" "$data/ml-100k/ml-100k.inter" || exit
exit $code
