#!/usr/bin/env bash
# Makes sure that a Docker engine answers, on DOCKER_HOST or on /var/run/docker.sock: installs and starts Debian's
# docker.io when there is none. Asks nothing; does nothing the second time.

# shellcheck source=tests/engine/lib.sh
. "$(dirname "$0")/lib.sh"

start() {
    if [ -d /run/systemd/system ]; then
        say "starting the docker service"
        as_root systemctl enable --now docker >&2 || true # the log below tells more than its exit code
        wait_for_engine journalctl -u docker -n 10 --no-pager
    else
        local log=/var/log/dockerd.log
        say "starting dockerd in the background, log in $log"
        drop_stale_pid /var/run/docker.pid dockerd
        drop_stale_pid /var/run/docker/containerd/containerd.pid containerd
        in_background "$log" dockerd
        wait_for_engine as_root tail -n 10 "$log"
    fi
}

stop_if_refused() {
    ! engine_refuses_me || die "talk to the engine on $engine_address" "user $(id -un) may not open that socket" \
        "sudo usermod -aG docker $(id -un) && newgrp docker, and this again in the shell that opens"
}

if engine_answers; then
    say "$(engine_name) answers, nothing to do"
    exit
fi

case $engine_address in
unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
*) die "reach the engine at DOCKER_HOST=$engine_address" "nothing answers there" "start that engine, or unset DOCKER_HOST to use one on this machine" ;;
esac
stop_if_refused

PATH=$PATH:/usr/sbin:/sbin # where dockerd and iptables are, and a user's PATH on Debian is not
have curl || install_packages curl ca-certificates
if ! have dockerd; then
    packages=(docker.io)
    # Where the kernel runs AppArmor, no container starts without the program that loads its profile.
    [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] && packages+=(apparmor)
    install_packages "${packages[@]}"
fi
engine_answers || engine_refuses_me || start # the package starts it by itself where systemd runs
stop_if_refused
say "$(engine_name) answers"
