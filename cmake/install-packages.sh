#!/usr/bin/env bash
# Installs the Debian packages that a step needs and that are missing:   cmake/install-packages.sh build|run|test|browser|watch|bench|lint ...
# Needs root (or passwordless sudo) only when something is missing. On another distribution: says what to install.
set -euo pipefail

declare -A groups=(
  [build]="build-essential cmake ninja-build pkg-config libopenblas-pthread-dev libjansson-dev libxxhash-dev zlib1g-dev libhiredis-dev libssl-dev librdkafka-dev libmicrohttpd-dev"
  [run]="redis-server jq curl"
  [test]="libcriterion-dev redis-server openssl git python3 g++ default-jre-headless maven kcat file"
  [browser]="chromium python3 curl" # tests/service/serve_page.sh
  [watch]="prometheus" # promtool: metrics, board and alert rules in the tests
  [bench]="wrk gnuplot-nox prometheus redis-server redis-tools default-jre-headless maven curl jq" # tests/bench/*.sh
  [plot]="gnuplot-nox" # solid_eval plot, tests/bench/plot_*.sh
  [lint]="clang clang-tools clang-format libclang-rt-14-dev"
)

wanted=()
for group in "$@"; do
  [ -n "${groups[$group]:-}" ] || { echo "install-packages: unknown group '$group' (have: ${!groups[*]})" >&2; exit 2; }
  read -ra packages <<<"${groups[$group]}"
  wanted+=("${packages[@]}")
done

command -v dpkg-query >/dev/null || { echo "install-packages: not a Debian system; install the equivalents of: ${wanted[*]}" >&2; exit 1; }
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "install-packages: run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
patience=${SOLID_LOCK_SECONDS:-600} # for another program that holds the package lock
# apt-get waits for dpkg's lock by itself, and silently; for the lock of its lists it does not wait at all.
apt() {
  local end=$((SECONDS + patience)) said=""
  while ! "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=2 "$@" >"$log" 2>&1; do
    grep -qE 'Could not get lock|Unable to (acquire|lock)' "$log" && [ "$SECONDS" -lt "$end" ] || return 1
    [ -n "$said" ] || echo "another program holds the package lock: waiting up to $patience s for it"
    said=yes
    sleep 1
  done
}
if ! { apt update -qq && apt install -y -qq --no-install-recommends "${missing[@]}"; }; then
  tail -n 15 "$log" >&2
  echo "install-packages: apt-get could not install: ${missing[*]} (full log: $log)" >&2
  exit 1
fi
rm -f "$log"
