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

# packages_of SECTION...: the names listed in these sections of packages.txt.
packages_of() {
    awk -v wanted=" $* " '
        /^#/ || /^$/ { next }
        /^\[/        { gsub(/[][]/, ""); on = index(wanted, " " $0 " "); next }
        on           { print }' "$root/deploy/packages.txt"
}

missing_of() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
    done
}

# need_packages SECTION...: installs what is not there. The package lists are fetched only where apt knows none, or
# ones too old to install from.
need_packages() {
    local missing
    mapfile -t missing < <(missing_of $(packages_of "$@"))
    if [ "${#missing[@]}" = 0 ]; then
        echo "all there"
        return
    fi
    echo "installing ${missing[*]}"
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}")
    if [ "$(apt-cache policy "${missing[@]}" | grep -c 'Candidate: [^(]')" != "${#missing[@]}" ] ||
        ! as_root "${install[@]}"; then
        as_root apt-get update -q
        as_root "${install[@]}"
    fi
}

# configure FOLDER PRESET: a build folder for Ninja, or whatever generator it was made with.
configure() {
    local generator=(-G Ninja)
    [ ! -e "$1/CMakeCache.txt" ] || generator=()
    (cd "$root" && cmake "${generator[@]}" --preset "$2" -B "$1") >"$1.configure.log" 2>&1 ||
        { cat "$1.configure.log" >&2; fail "cmake could not configure $1"; }
    mv "$1.configure.log" "$1/configure.log"
}
