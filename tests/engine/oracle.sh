#!/usr/bin/env bash
# oracle.sh [--plugin]: prints the path of a docker compose binary to compare rcompose with, version 2.40.3 where Debian
# unstable still has it. Unpacked into our cache, not installed. With --plugin, "docker compose" finds it too.

# shellcheck source=tests/engine/lib.sh
. "$(dirname "$0")/lib.sh"

wanted=2.40.3
oracle=$cache/oracle/docker-compose

one_at_a_time oracle
if [ -x "$oracle" ]; then
    say "docker compose is in $cache/oracle, nothing to do"
else
    say "fetching docker compose from Debian unstable"
    work=$(mktemp -d "$cache/oracle.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    fetch_packages unstable "$work/packages" download docker-compose
    unpack "$work/packages" "$work/root"
    mkdir -p "$cache/oracle"
    mv "$work/root/usr/libexec/docker/cli-plugins/docker-compose" "$oracle"
    version=$("$oracle" version --short) || die "run docker compose" "the binary of Debian unstable does not start here" "$oracle version"
    [[ $version == "$wanted"* ]] || say "note: this is docker compose $version; the comparisons were written for $wanted"
fi

if [ "${1:-}" = --plugin ]; then
    plugin=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins/docker-compose
    if [ ! -e "$plugin" ]; then
        say "linking it as $plugin"
        mkdir -p "${plugin%/*}"
        ln -s "$oracle" "$plugin"
    fi
fi
echo "$oracle"
