#!/usr/bin/env bash
# images.sh [NAME…]: makes sure that the engine has these images; without names, all that are known here.
# What is missing is pulled where a registry can be reached, and otherwise made from Debian packages: small, with the
# configuration of the original, and recognisable by the label rcompose.made-from=debian-packages.

# shellcheck source=tests/engine/lib.sh
. "$(dirname "$0")/lib.sh"

suite=bookworm # the release whose redis is a 7, as the names below promise
known=(busybox:latest alpine:latest redis:7-alpine python:3-slim registry:2)

# recipe NAME: the Debian packages, and the configuration that "docker inspect" shows for the original.
# busybox-static goes into every image: a shell, wget for health checks, and what else scripts call.
recipe() {
    packages=()
    config=('ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
    case $1 in
    busybox:latest | alpine:latest) config+=('CMD ["sh"]') ;;
    redis:7-alpine)
        packages=(redis-server)
        config+=('ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["redis-server"]' 'EXPOSE 6379' 'VOLUME /data' 'WORKDIR /data')
        ;;
    python:3-slim)
        packages=(python3 python3-flask python3-redis python3-requests)
        config+=('CMD ["python3"]' 'ENV LANG=C.UTF-8')
        ;;
    registry:2)
        packages=(docker-registry)
        config+=('ENTRYPOINT ["registry", "serve"]' 'CMD ["/etc/docker/registry/config.yml"]' 'EXPOSE 5000' 'VOLUME /var/lib/registry')
        ;;
    *) return 1 ;;
    esac
}

# finish NAME ROOT: what the packages' own scripts would have done, and what the original has beside them.
finish() {
    local root=$2
    case $1 in
    redis:7-alpine)
        # Like the original's: options alone are options of redis-server, and other containers may connect.
        cat >"$root/usr/bin/docker-entrypoint.sh" <<'END'
#!/bin/sh
case $1 in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    shift
    case $1 in
    *.conf) file=$1 && shift && set -- "$file" --protected-mode no "$@" ;;
    *) set -- --protected-mode no "$@" ;;
    esac
    set -- redis-server "$@"
fi
exec "$@"
END
        chmod +x "$root/usr/bin/docker-entrypoint.sh"
        mkdir -p "$root/data"
        ;;
    python:3-slim)
        ln -s python3 "$root/usr/bin/python"
        compile_python "$root" || say "compiling Python's library failed; it will start slower"
        ;;
    registry:2)
        ln -s docker-registry "$root/usr/bin/registry"
        mkdir -p "$root/var/lib/registry" "$root/etc/docker/registry"
        cat >"$root/etc/docker/registry/config.yml" <<'END'
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
END
        ;;
    esac
}

# compile_python ROOT: ahead, like the original, which halves a program's start. Its python3 runs here with its own
# libraries instead of the host's, so no container is needed.
compile_python() (
    cd "$1"
    loader=$(echo lib64/ld-linux-*.so.*)
    env PYTHONHOME="$PWD/usr" "$loader" --library-path "$(echo usr/lib/*-linux-gnu)" usr/bin/python3 \
        -m compileall -q -j 0 -s "$PWD" -p / usr/lib/python3* >/dev/null
)

# common ROOT: what every image has: one /usr for everything, a shell, two users.
common() {
    local root=$1 folder
    for folder in bin sbin lib lib64; do
        mkdir -p "$root/usr/$folder"
        if [ -d "$root/$folder" ]; then
            cp -a "$root/$folder/." "$root/usr/$folder/"
            rm -r "${root:?}/$folder"
        fi
        ln -s "usr/$folder" "$root/$folder"
    done
    "$root/bin/busybox" --install "$root/usr/bin" 2>/dev/null || true # fails for names that a package has taken, rightly
    mkdir -p "$root/tmp" "$root/etc" "$root/root" "$root/var/tmp" "$root/usr/local/bin"
    chmod 1777 "$root/tmp" "$root/var/tmp"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    (cd "$root/usr/share" 2>/dev/null && rm -rf bash-completion bug doc doc-base info lintian locale man menu pixmaps applications) || true
    rm -rf "$root"/usr/lib/*/gconv # character sets nobody here converts, 8 MB
}

# Whether it is worth pulling, found once and quickly: the engine itself would try for half a minute per image.
# Any answer will do, a 401 is the usual one.
registry_answers() {
    if [ -z "${registry:-}" ]; then
        registry=no
        curl --silent --output /dev/null --max-time 3 https://registry-1.docker.io/v2/ && registry=yes
        [ "$registry" = yes ] || say "no public registry can be reached from here"
    fi
    [ "$registry" = yes ]
}

present() { api GET "/images/$1/json" --output /dev/null 2>/dev/null; }

# A pull that fails half way is a 200 with the error in its text: look for the image instead.
pull() {
    local answer
    say "pulling $1"
    answer=$(api POST "/images/create?fromImage=${1%:*}&tag=${1##*:}" --max-time 300 2>&1 | tail -n 1)
    present "$1" && return
    say "pulling $1 failed: $answer"
    return 1
}

# make NAME: the archive is kept, so that a second engine gets it in a second; another recipe is another archive.
make() {
    local name=$1 archive line query answer # and work, which the trap still needs
    archive=$cache/images/${1//[:\/]/_}-$(cat "$0" "$(dirname "$0")/lib.sh" | cksum | cut -d ' ' -f 1).tar
    if [ ! -f "$archive" ]; then
        say "making $name from Debian packages: busybox-static ${packages[*]}"
        mkdir -p "$cache/images"
        rm -f "$cache/images/${1//[:\/]/_}"-*.tar
        work=$(mktemp -d "$cache/images/work.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        fetch_packages $suite "$work/packages" install --no-install-recommends --download-only busybox-static "${packages[@]}"
        unpack "$work/packages" "$work/root"
        common "$work/root"
        finish "$name" "$work/root"
        tar -C "$work/root" --owner=0 --group=0 --numeric-owner -cf "$work/image.tar" .
        mv "$work/image.tar" "$archive"
        rm -rf "$work"
    fi
    say "importing $name"
    query="fromSrc=-&repo=${name%:*}&tag=${name##*:}"
    for line in "${config[@]}" 'LABEL rcompose.made-from=debian-packages'; do
        query+="&changes=$(urlencode "$line")"
    done
    answer=$(api POST "/images/create?$query" --upload-file "$archive" --header 'Content-Type: application/x-tar' 2>&1) || true
    present "$name" || die "import $name" "the engine says: $answer" "look at the engine's log"
}

[ $# -gt 0 ] || set -- "${known[@]}"
engine_answers || die "prepare images" "no engine answers on $engine_address" "$(dirname "$0")/engine.sh"
have curl || install_packages curl ca-certificates
one_at_a_time images

missing=()
for name in "$@"; do
    [[ ${name##*/} == *:* ]] || name+=:latest
    present "$name" || missing+=("$name")
done
if [ ${#missing[@]} = 0 ]; then
    say "$(engine_name) has $*, nothing to do"
    exit
fi
for name in "${missing[@]}"; do
    registry_answers && pull "$name" && continue
    recipe "$name" || die "get the image $name" "it cannot be pulled, and there is no recipe for it here (only for ${known[*]})" \
        "write a recipe in $0, or load it: docker load <image.tar"
    make "$name"
done
