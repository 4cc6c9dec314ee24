#!/usr/bin/env bash
# tests/run.sh [--lint] [ARGUMENT…]: prepares an engine, its images, and the docker compose to compare with; then runs
# all tests. ARGUMENTs go to cargo test. --lint checks format and lints first, and fails at the end if they fail.

# shellcheck source=tests/engine/lib.sh
. "$(dirname "$0")/engine/lib.sh"

lint=no
if [ "${1:-}" = --lint ]; then
    lint=yes
    shift
fi

cd "$repository"
need_cargo
tests/engine/engine.sh
tests/engine/images.sh
# One of your own works too: RCOMPOSE_ORACLE=/usr/libexec/docker/cli-plugins/docker-compose tests/run.sh
[ -n "${RCOMPOSE_ORACLE:-}" ] || RCOMPOSE_ORACLE=$(tests/engine/oracle.sh)
export RCOMPOSE_ORACLE
export RCOMPOSE_REQUIRE_ENGINE=1 # a test that finds no engine fails, rather than being skipped

failed=0
if [ $lint = yes ]; then
    cargo fmt --check || failed=$?
    cargo clippy --all-targets -- -D warnings || failed=$?
fi
cargo test "$@" || failed=$?
exit $failed
