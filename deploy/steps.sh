# Steps that deploy/quickstart and deploy/test share. Sourced by bash; needs `root`, the repository's folder.

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# alone NAME COMMAND...: waits until no other run of this user is at NAME.
alone() {
    local lock=${TMPDIR:-/tmp}/acmegate-$1.$(id -u).lock
    shift
    (flock 9 && "$@" 9>&-) 9>"$lock"
}

# ---- packages ----

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

is_offered() {
    apt-cache policy "$1" | grep 'Candidate: [^(]' >/dev/null
}

# packages_of SECTION...: the lines of these sections of packages.txt.
packages_of() {
    awk -v wanted=" $* " '
        /^#/ || /^$/ { next }
        /^\[/        { gsub(/[][]/, ""); on = index(wanted, " " $0 " "); next }
        on           { print }' "$root/deploy/packages.txt"
}

missing_of() {
    local name
    for name in "$@"; do
        is_installed "$name" || echo "$name"
    done
}

# need_packages SECTION...: installs what is not there.
need_packages() {
    local missing
    mapfile -t missing < <(missing_of $(packages_of "$@"))
    if [ "${#missing[@]}" = 0 ]; then
        echo "all there"
    else
        alone packages install_packages "${missing[@]}"
    fi
}

# The package lists are fetched only where apt knows none, or ones too old to install from.
install_packages() {
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
    local name updated=no
    echo "installing $*"
    for name in "$@"; do
        if [ $updated = no ] && ! is_offered "$name"; then
            as_root apt-get update -q
            updated=yes
        fi
        if [ "$name" = libh2o-evloop-dev ] && ! is_offered "$name"; then
            add_h2o_source
        fi
    done
    if ! as_root "${install[@]}"; then
        [ $updated = no ] || return 1
        as_root apt-get update -q
        as_root "${install[@]}"
    fi
}

# ---- h2o, where the distribution has none ----

h2o_packages=(libh2o-evloop-dev libh2o-dev-common libh2o-evloop0.13)
h2o_source=/etc/apt/sources.list.d/acmegate-h2o.sources
h2o_pin=/etc/apt/preferences.d/acmegate-h2o

# archive_of LABEL: the address from which this machine's apt has that archive of Debian's.
archive_of() {
    apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Origin: Debian" "Label: $1" | sed -n 1p
}

# source_stanza ADDRESS SUITE
source_stanza() {
    printf '%s\n' "" "Types: deb" "URIs: $1" "Suites: $2" "Components: main" \
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"
}

# pin_stanza PACKAGES SUITE PRIORITY
pin_stanza() {
    printf '%s\n' "" "Package: $1" "Pin: release o=Debian, n=$2" "Pin-Priority: $3"
}

# Debian 12 is the last that has h2o. Its three packages run on Debian 13 as they are: what they need is there.
add_h2o_source() {
    local debian security why suite suites=(bookworm)
    why="# acmegate is built with h2o, which Debian 12 (bookworm) is the last to have: of it these packages alone,
# ${h2o_packages[*]}. Added by acmegate's deploy/$(basename "$0"); remove together with
# the other of $h2o_source and $h2o_pin."
    debian=$(archive_of Debian)
    security=$(archive_of Debian-Security)
    [ -n "$debian" ] || fail "this system offers no libh2o-evloop-dev, and its apt knows no Debian archive to take it from"
    [ -z "$security" ] || suites+=(bookworm-security)
    echo "this system has no h2o, which acmegate is built with; Debian 12 was the last to have it. Adding Debian 12"
    echo "as a source of ${h2o_packages[*]} alone:"
    echo "$h2o_source, $h2o_pin"
    {
        echo "$why"
        for suite in "${suites[@]}"; do
            pin_stanza "${h2o_packages[*]}" "$suite" 500
            pin_stanza "*" "$suite" -1
        done
    } | as_root tee "$h2o_pin" >/dev/null
    {
        echo "$why"
        source_stanza "$debian" bookworm
        [ -z "$security" ] || source_stanza "$security" bookworm-security
    } | as_root tee "$h2o_source" >/dev/null
    if ! as_root apt-get update -q || ! is_offered libh2o-evloop-dev; then
        as_root rm -f "$h2o_source" "$h2o_pin"
        fail "Debian 12's h2o cannot be had from $debian; the two files are removed again"
    fi
}

# ---- building ----

# configure FOLDER PRESET: a build folder for Ninja, or whatever generator it was made with.
configure() {
    local generator=(-G Ninja)
    [ ! -e "$1/CMakeCache.txt" ] || generator=()
    (cd "$root" && cmake "${generator[@]}" --preset "$2" -B "$1") >"$1.configure.log" 2>&1 ||
        { cat "$1.configure.log" >&2; fail "cmake could not configure $1"; }
    mv "$1.configure.log" "$1/configure.log"
}

# build FOLDER PRESET [ARGUMENTS OF cmake --build]...: two runs at once do not build in one folder.
build() {
    alone "build$(tr -c 'a-zA-Z0-9\n' _ <<<"$1")" build_alone "$@"
}

build_alone() {
    configure "$1" "$2"
    cmake --build "$1" -j "$(nproc)" "${@:3}"
}
