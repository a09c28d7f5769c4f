# Configures and builds one configuration with its tests: source it from the repository's root.
#
#   build PRESET FOLDER [configure options] [-- build options]     into build/FOLDER; what failed is printed, the rest is in build/FOLDER.log
#
# shellcheck shell=bash
build() {
  local preset=$1 folder=build/$2 configure=()
  shift 2
  while [ $# -gt 0 ] && [ "$1" != -- ]; do configure+=("$1"); shift; done
  shift || true
  mkdir -p build
  if ! { cmake --preset "$preset" -B "$folder" -DSOLID_TESTS=ON "${configure[@]}" && cmake --build "$folder" "$@"; } >"$folder.log" 2>&1; then
    tests/support/what_failed.sh "$folder.log"
    echo "the build of $folder failed; whole log: $folder.log"
    return 1
  fi
}
