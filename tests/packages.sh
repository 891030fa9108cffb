# shellcheck shell=sh
# The Debian packages this project needs, in one place, and how to install them.  Sourced by
# tests/run.sh and every other script that must work on a fresh Debian 12.

# To build the programs, and a package of them: dpkg-dev and file are what CPack asks which libraries they need.
KM_BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config libgnutls28-dev zlib1g-dev nettle-dev libgmp-dev
    libinih-dev libsmartcols-dev libyajl-dev liblz4-dev libacl1-dev dpkg-dev file"

# To run every test as well: the second compiler with its fuzzer, the test library, independent
# readers of the formats, the shells whose completion is tested, and checks of scripts and pages.
# shellcheck disable=SC2034 # used by the scripts that source this one
KM_TEST_PACKAGES="$KM_BUILD_PACKAGES clang libclang-rt-14-dev clang-format check python3
    libesedb-utils python3-libesedb python3-impacket python3-cryptography python3-jsonschema openssl gnutls-bin mandoc
    shellcheck strace acl tidy zsh fish"

# km_root COMMAND...: runs a command as root, through sudo where that is needed.
km_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# km_apt LOG ARGUMENT...: apt-get, with its output in the log, and shown only when it fails.
km_apt() {
    km_log=$1
    shift
    # --no-upgrade: what is installed stays as it is, also when it is named.
    km_root apt-get -q -y --no-install-recommends --no-upgrade -o DPkg::Lock::Timeout=300 "$@" >>"$km_log" 2>&1 &&
        return
    km_status=$?
    cat "$km_log" >&2
    return $km_status
}

# km_install PACKAGE...: installs those that are missing; asks the network only then.  One line says which
# packages are needed and how many are missing; what apt-get says is kept in build/logs/apt.log.
km_install() {
    if ! command -v dpkg-query >/dev/null; then
        echo "error: this script installs what it needs from Debian packages; this is not Debian" >&2
        return 1
    fi
    km_missing=
    for km_package in "$@"; do
        km_status=$(dpkg-query -W -f '${db:Status-Status}' "$km_package" 2>/dev/null) || km_status=
        [ "$km_status" = installed ] || km_missing="$km_missing $km_package"
    done
    echo "needs: $*"
    [ -n "$km_missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "error: these packages are missing, and installing them needs root or sudo:" >&2
        echo "   $km_missing" >&2
        return 1
    fi
    mkdir -p build/logs && : >build/logs/apt.log || return 1
    echo "installing (build/logs/apt.log):$km_missing"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    # A package list that cannot be renewed may still be good enough to install from.
    km_apt build/logs/apt.log update || echo "warning: apt-get update failed; trying without" >&2
    # shellcheck disable=SC2086 # one word per package
    if ! km_apt build/logs/apt.log install $km_missing; then
        echo "error: apt-get could not install:$km_missing" >&2
        return 1
    fi
}
