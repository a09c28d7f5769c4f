# Ports for servers that tests start, below those that the system gives to clients: source it, and call `new_port`, which sets `port`
# to one that nobody listens on and that it has not given before.
#
# shellcheck shell=bash
declare -A ports_given
new_port() {
  while port=$((18000 + RANDOM % 14000)); [ -n "${ports_given[$port]:-}" ] || (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  ports_given[$port]=1
}
