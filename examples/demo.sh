#!/usr/bin/env bash
# From a bare Debian machine to a running identidock stack, then through a rebuild that keeps its data. Asks nothing, and
# can be run again. RCOMPOSE=/path/to/rcompose uses that one instead of building; IDENTIDOCK_PORT=8000 moves the page.

# shellcheck source=tests/engine/lib.sh
. "$(dirname "$0")/../tests/engine/lib.sh"

export IDENTIDOCK_PORT=${IDENTIDOCK_PORT:-5000}
page=http://localhost:$IDENTIDOCK_PORT
folder=${TMPDIR:-/tmp}/rcompose-demo
stack=$folder/identidock # the folder's name is the project's

step() { printf '\n== %s\n' "$*"; }

compose() {
    printf '$ rcompose %s\n' "$*"
    "$rcompose" "$@" || die "run rcompose $*" "it failed as shown above" "cd $stack && $rcompose $*"
}

find_rcompose() {
    if [ -n "${RCOMPOSE:-}" ]; then
        rcompose=$(command -v "$RCOMPOSE") || die "use RCOMPOSE=$RCOMPOSE" "there is no such program" "unset RCOMPOSE, and it is built"
        rcompose=$(realpath "$rcompose")
        return
    fi
    need_cargo
    (cd "$repository" && cargo build --release) || die "build rcompose" "cargo failed as shown above" "cd $repository && cargo build --release"
    rcompose=${CARGO_TARGET_DIR:-$repository/target}/release/rcompose
}

# The demo changes the page, and your working copy is yours. An unchanged example keeps the copy of the last run, so
# that the second run finds its stack running.
copy_example() {
    local source=$repository/examples/identidock sum
    sum=$(cd "$source" && find . -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 cksum | cksum)
    [ "$(cat "$folder/copied" 2>/dev/null)" = "$sum" ] && return
    rm -rf "$folder" 2>/dev/null || true
    mkdir -m 700 "$folder" || die "copy the example" "$folder cannot be made" "TMPDIR=\$HOME $0"
    cp -R "$source" "$stack"
    chmod -R a+rX "$stack" # its programs run as nobody
    echo "$sum" >"$folder/copied"
}

# A stack of an earlier run may hold the port; anything else may not.
check_port() {
    local filters='{"label":["com.docker.compose.project=identidock","com.docker.compose.service=identidock"]}'
    (exec 3<>"/dev/tcp/127.0.0.1/$IDENTIDOCK_PORT") 2>/dev/null || return 0
    grep -q "\"PublicPort\": *$IDENTIDOCK_PORT\b" <<<"$(api GET "/containers/json?filters=$(urlencode "$filters")")" && return
    die "use port $IDENTIDOCK_PORT" "another program is listening there" "IDENTIDOCK_PORT=8000 $0"
}

fetch() { curl --silent --show-error --fail --noproxy '*' --max-time 10 "$@"; }

# wait_for TEXT: until the page shows it; 60 s at most.
wait_for() {
    local end=$((SECONDS + 60))
    until grep -qF "$1" <<<"$(fetch "$page/" 2>/dev/null)"; do
        [ $SECONDS -lt $end ] || die "see '$1' on $page" "the page has not shown it for 60 s" "cd $stack && $rcompose logs"
        sleep 0.2
    done
}

# show_picture FILE: as coloured blocks, two pixels in each. Only for terminals, and only for the plain kind of PNG that
# our image service writes: 8-bit RGB, every row with filter 0.
show_picture() {
    [ -t 1 ] && have python3 || return 0
    python3 - "$1" <<'END'
import struct, sys, zlib

data = open(sys.argv[1], "rb").read()
width, height = struct.unpack(">II", data[16:24])
body, at = b"", 8
while at < len(data):
    length, kind = struct.unpack(">I4s", data[at : at + 8])
    body += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
    at += length + 12
rows = zlib.decompress(body)

def pixel(x, y):
    start = y * (3 * width + 1) + 1 + 3 * x
    return ";".join(str(channel) for channel in rows[start : start + 3])

step = width // 40
for y in range(0, height - step, 2 * step):
    print("".join(f"\033[38;2;{pixel(x, y)};48;2;{pixel(x, y + step)}m▀" for x in range(0, width, step)) + "\033[0m")
END
}

image_id() { api GET /images/identidock-identidock/json | grep -o 'sha256:[0-9a-f]\{12\}' | head -n 1; }

step "rcompose"
find_rcompose
echo "$rcompose"

step "An engine, and the images the stack starts from"
"$repository/tests/engine/engine.sh"
"$repository/tests/engine/images.sh" python:3-slim redis:7-alpine

step "The stack: a page, an image service, a redis"
copy_example
check_port
cd "$stack"
compose up -d
wait_for '<h1>'
echo "$page answers"

step "A name is stored, and has its monster"
name="Ada at $(date +%T)"
path=$(fetch --data-urlencode "name=$name" "$page/" | grep -o '/monster/[0-9a-f]*')
picture=$folder/monster.png
fetch --output "$picture" "$page$path"
[ "$(head -c 8 "$picture" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] ||
    die "fetch a picture" "what $page$path answers is no PNG" "look at $picture"
show_picture "$picture"
echo "the monster of '$name' is in $picture"

step "The page changes; the data does not"
greeting="Who are you? This page is from $(date +%T)."
echo "app/identidock.py: GREETING = \"$greeting\""
sed -i "s/^GREETING = .*/GREETING = \"$greeting\"/" app/identidock.py
before=$(image_id)
compose build
compose up -d
wait_for "$greeting"
after=$(image_id)
[ "$before" != "$after" ] || die "rebuild" "the image is still $before" "cd $stack && $rcompose build"
grep -qF "\"$name\"" <<<"$(fetch "$page/stats")" || die "find '$name' again" "redis lost it" "curl $page/stats"
echo "the image was $before and is $after; the page is new, and redis still knows '$name':"
fetch "$page/stats"

step "Yours now"
cat <<END
look:  $page
       cd $stack
       $rcompose ps
       $rcompose logs -f
stop:  $rcompose down       keeps what redis knows
       $rcompose down -v    forgets it
END
