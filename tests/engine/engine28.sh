#!/usr/bin/env bash
# engine28.sh [stop]: a newer engine (28.5.2 where Debian unstable still has it) beside the system's own, and prints the
# DOCKER_HOST line for it. Its packages are unpacked into our cache, not installed.
#
# It lives in a network namespace, so that the two do not fight over iptables. Its published ports are therefore seen
# from inside only:   nsenter --net=/var/run/netns/d28 curl http://127.0.0.1:5000/

run=/run/rcompose-d28
data=/var/lib/rcompose-d28
socket=$run/docker.sock
export DOCKER_HOST=unix://$socket
PATH=$PATH:/usr/sbin:/sbin # where ip and iptables are, and a user's PATH on Debian is not

# shellcheck source=tests/engine/lib.sh
. "$(dirname "$0")/lib.sh"

root=$cache/engine28

stop() {
    local end=$((SECONDS + 30))
    if [ ! -f $run/docker.pid ]; then
        say "it is not running, nothing to do"
        return
    fi
    say "stopping dockerd"
    drop_stale_pid $run/docker.pid dockerd
    [ ! -f $run/docker.pid ] || as_root kill "$(cat $run/docker.pid)"
    while [ -f $run/docker.pid ]; do
        [ $SECONDS -lt $end ] || die "stop the engine" "process $(cat $run/docker.pid) still runs after 30 s" "see $data/dockerd.log"
        sleep 0.1
    done
    as_root ip netns delete d28
}

unpack_engine() {
    local work
    say "fetching docker.io, containerd and docker-buildx from Debian unstable"
    work=$(mktemp -d "$cache/engine28.XXXXXX")
    # runc stays the system's: the newer one wants a newer libc.
    fetch_packages unstable "$work/packages" download docker.io containerd docker-cli docker-buildx
    unpack "$work/packages" "$work/root"
    mv "$work/root" "$root"
    rm -rf "$work"
}

start() {
    local log=$data/dockerd.log
    as_root mkdir -p $run $data
    [ -e /var/run/netns/d28 ] || as_root ip netns add d28
    as_root ip -n d28 link set lo up
    drop_stale_pid $run/docker.pid dockerd
    drop_stale_pid $run/exec/containerd/containerd.pid containerd
    echo '{}' | as_root tee $run/daemon.json >/dev/null # a file of its own, or it would read the system engine's
    say "starting dockerd in the network namespace d28, log in $log"
    # Not "ip netns exec": that hides the cgroup mounts.
    in_background "$log" nsenter --net=/var/run/netns/d28 env PATH="$root/usr/bin:$root/usr/sbin:$PATH" \
        dockerd --config-file $run/daemon.json --data-root $data/data --exec-root $run/exec --pidfile $run/docker.pid -H unix://$socket
    wait_for_engine as_root tail -n 10 $log
    say "$(engine_name) answers"
}

case ${1:-} in
stop) stop && exit ;;
'') ;;
*) die "do '$1'" "there is only: engine28.sh, engine28.sh stop" "$0" ;;
esac

if engine_answers; then
    say "$(engine_name) answers, nothing to do"
else
    one_at_a_time engine28
    for tool in runc ip iptables; do have $tool || { install_packages runc iproute2 iptables && break; }; done
    [ -d "$root" ] || unpack_engine
    start
fi
echo "DOCKER_HOST=$DOCKER_HOST"
