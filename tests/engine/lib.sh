# shellcheck shell=bash
# What the scripts beside this file share. Sourced, never run.

set -euo pipefail
umask 022 # what goes into an image is read there by others than root

me=${0##*/}
# shellcheck disable=SC2034 # for the scripts
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Downloads and what is made of them: for root where the system keeps such things, else in the user's own cache.
if [ "$(id -u)" = 0 ]; then
    cache=/var/cache/rcompose
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/rcompose
fi

debian_mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

# Stderr, because stdout is for answers: a path, a DOCKER_HOST line.
say() { printf '%s: %s\n' "$me" "$*" >&2; }

# die ATTEMPT REASON REMEDY
die() {
    printf '%s: cannot %s\n  because: %s\n  try:     %s\n' "$me" "$1" "$2" "$3" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- root and packages ---

# as_root COMMAND…: never asks for a password; says what to run instead.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo "$@"
    else
        die "run as $(id -un): $*" "it needs root, and sudo is missing or wants a password" "sudo $*"
    fi
}

# quietly COMMAND…: the output matters only when the command fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        tail -n 15 "$log" | sed 's/^/    /' >&2
        rm -f "$log"
        return 1
    fi
}

# install_packages PACKAGE…: from the system's own Debian release, into the system.
install_packages() {
    have apt-get || die "install $*" "this is not a Debian system: there is no apt-get" "install $* your system's way, then run this again"
    local get=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120)
    as_root true
    say "installing $* with apt-get"
    # A new machine's package lists are empty or old. Then, and only then, they are fetched.
    as_root "${get[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 && return
    say "fetching the package lists first (apt-get update)"
    quietly as_root "${get[@]}" update ||
        die "fetch the package lists" "apt-get update failed as shown" "see /etc/apt/sources.list*, then: apt-get update"
    quietly as_root "${get[@]}" install --no-install-recommends "$@" ||
        die "install $*" "apt-get failed as shown" "apt-get install $*"
}

# apt_of SUITE ARGUMENT…: apt-get on a given Debian release's packages, with lists of its own in our cache. What the
# system has installed or configured as sources takes no part, so this needs no root and changes nothing outside.
# Signatures are checked; the date of the lists is not, since a mirror may well be some days behind.
apt_of() {
    local suite=$1 state=$cache/apt-$1
    shift
    have apt-get || die "fetch Debian packages" "this is not a Debian system: there is no apt-get" "run this on Debian, or where a registry can be reached"
    mkdir -p "$state/lists/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $debian_mirror $suite main" >"$state/sources.list"
    installed_elsewhere >"$state/status"
    # No translations, no index cache: a few packages are fetched once, and the lists are large enough.
    apt-get -q -y -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false -o APT::Update::Error-Mode=any \
        -o Acquire::Languages=none -o Acquire::GzipIndexes=true -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null "$@"
}

# The status file apt_of starts from: packages that others depend on but no container here uses. Said to be installed,
# they are left out when dependencies are resolved, which keeps the images small.
installed_elsewhere() {
    local package
    for package in adduser ca-certificates debconf dpkg init-system-helpers libjs-jquery lsb-base media-types openssl \
        passwd perl readline-common sysvinit-utils tar usrmerge; do
        printf 'Package: %s\nStatus: install ok installed\nVersion: 99:99\nArchitecture: all\nMulti-Arch: foreign\nMaintainer: none\nDescription: left out\n\n' "$package"
    done
}

# fetch_packages SUITE FOLDER ARGUMENT…: FOLDER is empty but for the packages that "apt-get ARGUMENT…" downloads.
fetch_packages() {
    local suite=$1 folder=$2
    shift 2
    local fetch=(apt_of "$suite" -o Dir::Cache::archives="$folder" "$@")
    rm -rf "$folder" && mkdir -p "$folder/partial"
    cd "$folder" # "apt-get download" writes here, "install --download-only" to Dir::Cache::archives
    if ! "${fetch[@]}" >/dev/null 2>&1; then
        say "fetching the package lists of Debian $suite"
        if ! quietly apt_of "$suite" update || ! quietly "${fetch[@]}"; then
            die "fetch Debian packages (apt-get $*)" "apt-get failed as shown" \
                "see whether $debian_mirror can be reached; DEBIAN_MIRROR=… names another"
        fi
    fi
    cd - >/dev/null
}

# unpack FOLDER ROOT: every package in FOLDER, as files only; nothing is installed and no script of theirs runs.
unpack() {
    local package
    mkdir -p "$2"
    for package in "$1"/*.deb; do dpkg -x "$package" "$2"; done
}

# one_at_a_time NAME: holds the lock NAME until this script ends; two preparations may well run at once.
one_at_a_time() {
    mkdir -p "$cache"
    exec 9>"$cache/$1.lock"
    flock -w 300 9 || die "start" "another run has held $cache/$1.lock for 5 minutes" "wait for it or end it"
}

# --- the engine ---

engine_address=${DOCKER_HOST:-unix:///var/run/docker.sock}
case $engine_address in
unix://*) engine=(--unix-socket "${engine_address#unix://}" http://localhost) ;;
tcp://*) engine=("http://${engine_address#tcp://}") ;;
*) die "reach the engine at $engine_address" "these scripts only speak unix:// and tcp://" "DOCKER_HOST=unix:///path/to/socket" ;;
esac

# api METHOD PATH [CURL-OPTION…]: one call to the engine, the answer on stdout; fails when the engine says 4xx or 5xx.
api() {
    local method=$1 path=$2
    shift 2
    # The URL is the array's last element; a path may follow it directly.
    curl --silent --show-error --fail-with-body --noproxy '*' --request "$method" "$@" "${engine[@]:0:${#engine[@]}-1}" "${engine[-1]}$path"
}

engine_answers() {
    if have curl; then
        api GET /_ping --max-time 3 >/dev/null 2>&1
    else
        # A new Debian may lack curl and have python3; without either there is no engine to find, as it wants both.
        have python3 && python3 - "$engine_address" 2>/dev/null <<'END'
import socket, sys
kind, _, rest = sys.argv[1].partition("://")
link = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
link.settimeout(3)
link.connect(rest if kind == "unix" else (rest.rpartition(":")[0], int(rest.rpartition(":")[2])))
link.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
sys.exit(b" 200 " not in link.recv(64))
END
    fi
}

# engine_refuses_me: it has a socket, which this user may not open.
engine_refuses_me() {
    local socket=${engine_address#unix://}
    [ -S "$socket" ] && [ ! -w "$socket" ]
}

# wait_for_engine LOG-COMMAND…: 30 s at most, or until no dockerd is left; then says what LOG-COMMAND prints.
wait_for_engine() {
    local begin=$SECONDS
    until engine_answers || engine_refuses_me; do
        if [ $((SECONDS - begin)) -ge 30 ] || { [ $((SECONDS - begin)) -ge 3 ] && ! pidof dockerd >/dev/null; }; then
            "$@" 2>&1 | sed 's/^/    /' >&2 || true
            die "start the engine" "it does not answer on $engine_address; its last words are above" "mend that, then run this again"
        fi
        sleep 0.2
    done
}

# in_background LOG COMMAND…: as root, in a session of its own, so that it outlives the caller; and with none of the
# caller's open files, because who reads our output to its end would otherwise wait for the server's end.
in_background() {
    local log=$1
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_root bash -c '
        log=$1; shift
        for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done
        exec setsid --fork "$@" </dev/null >>"$log" 2>&1' in_background "$log" "$@"
}

# drop_stale_pid FILE NAME: after a crash the number in a pid file may belong to anyone, and dockerd then refuses to start.
drop_stale_pid() {
    [ -f "$1" ] || return 0
    [ "$(cat "/proc/$(cat "$1")/comm" 2>/dev/null)" = "$2" ] || as_root rm -f "$1"
}

urlencode() {
    local LC_ALL=C i character
    for ((i = 0; i < ${#1}; i++)); do
        character=${1:i:1}
        case $character in
        [a-zA-Z0-9/_.-]) printf %s "$character" ;;
        *) printf '%%%02X' "'$character" ;;
        esac
    done
}

# engine_name: "engine 20.10.24 (API 1.41) on unix:///var/run/docker.sock"
engine_name() {
    have curl || { echo "engine on $engine_address" && return; }
    local answer version api
    answer=$(api GET /version)
    version=$(grep -o '"Version": *"[^"]*"' <<<"$answer" | head -n 1 | cut -d '"' -f 4)
    api=$(grep -o '"ApiVersion": *"[^"]*"' <<<"$answer" | head -n 1 | cut -d '"' -f 4)
    echo "engine $version (API $api) on $engine_address"
}

# --- Rust ---

# need_cargo: a cargo that is new enough for us, and the linker it calls.
need_cargo() {
    local wanted found remedy
    # rustup puts its folder on the PATH of the next login only.
    PATH=${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$repository/Cargo.toml")
    found=$(cd "$repository" && cargo --version 2>/dev/null | cut -d ' ' -f 2) || true
    if [ "$(printf '%s\n' "$wanted" "${found:-0}" | sort -V | head -n 1)" != "$wanted" ]; then
        remedy="curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c rustfmt,clippy"
        have curl || remedy="apt-get install -y curl && $remedy"
        have rustup && remedy="rustup update stable"
        die "build rcompose" "it wants Rust $wanted or newer, and cargo here is ${found:-missing}" "$remedy"
    fi
    have cc || install_packages gcc libc6-dev
}
