#!/usr/bin/env bash
# Installs the build into a temporary prefix and builds a foreign C and C++ program against it, through the CMake package
# and through pkg-config.   install_test.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix/usr" >/dev/null
cmake -S "$here/consumer" -B "$prefix/build" -DCMAKE_PREFIX_PATH="$prefix/usr" >/dev/null
cmake --build "$prefix/build"
# Every component by itself; what is not there is named.
for component in solid store ingest train; do
  cmake -S "$here/component" -B "$prefix/component-$component" -DCMAKE_PREFIX_PATH="$prefix/usr" -DCOMPONENT=$component >/dev/null
done
if cmake -S "$here/component" -B "$prefix/component-cobol" -DCMAKE_PREFIX_PATH="$prefix/usr" -DCOMPONENT=cobol >/dev/null 2>"$prefix/said"; then
  echo "install: a component that is not there was found"; exit 1
fi
tr -s ' \n' ' ' <"$prefix/said" | grep -qF 'component `cobol` is not in this build of solid, which has: solid, train, store, ingest' ||
  { cat "$prefix/said"; echo "install: the missing component is not named"; exit 1; }
"$here/../check/symbols.sh" --archives "$(dirname "$(find "$prefix/usr" -name libsolid.a)")"
for program in consumer_c consumer_static consumer_cxx consumer_train; do
  LD_LIBRARY_PATH=$(dirname "$(find "$prefix/usr" -name 'libsolid.so')") "$prefix/build/$program"
done
export PKG_CONFIG_PATH=$(dirname "$(find "$prefix/usr" -name solid.pc)")
for package in solid solid_store solid_ingest solid_train; do # no include folder but ours
  folders=$(pkg-config --cflags-only-I "$package" | tr -s ' ' '\n' | sed '/^$/d; s/^-I//' | xargs -r realpath | sort -u)
  [ "$folders" = "$(realpath "$prefix/usr/include")" ] || { echo "install: $package adds include folders: $folders"; exit 1; }
done
read -ra flags <<<"$(pkg-config --cflags --libs solid_store)"
cc -std=c11 -Wall -Wextra -Werror "$here/consumer/main.c" -o "$prefix/by_pkgconfig" "${flags[@]}"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir solid) "$prefix/by_pkgconfig"
read -ra flags <<<"$(pkg-config --cflags --libs solid_train)"
cc -std=c11 -Wall -Wextra -Werror "$here/consumer/train.c" -o "$prefix/train_by_pkgconfig" "${flags[@]}"
"$prefix/train_by_pkgconfig"
# What is installed of training are its public headers.
(cd "$prefix/usr/include" && find solid/train -type f | sort) >"$prefix/headers"
(cd "$here/../.." && find solid/train -maxdepth 1 -name '*.h' | sort) | diff - "$prefix/headers"
! find "$prefix/usr/include/solid" -mindepth 1 -type d | grep -v '/solid/train$'
for program in solid_train solid_eval solid_batch solid_plan solid_paper solid_ingestd solid_ask solid_send; do
  if [ -x "$1/bin/$program" ]; then "$prefix/usr/bin/$program" --version; fi
done
echo "install: shared, static, C++ and pkg-config consumers built and ran"
