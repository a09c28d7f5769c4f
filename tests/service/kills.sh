#!/usr/bin/env bash
# Thirty kills of the service in mid-stream, between a real Apache Kafka and a real Redis, where tests/run.sh has five.
set -euo pipefail
SOLID_E2E_ONLY=kills exec "$(dirname "$0")/../e2e/e2e.sh" "${1:?usage: kills.sh BUILD_DIR}" 6
