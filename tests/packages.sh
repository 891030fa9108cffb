# shellcheck shell=sh
# The Debian packages this project needs, in one place, and how to install them.  Sourced by
# tests/run.sh and every other script that must work on a fresh Debian 12.

# To build the programs.
KM_BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config libgnutls28-dev zlib1g-dev nettle-dev libgmp-dev
    libinih-dev libsmartcols-dev libyajl-dev liblz4-dev libacl1-dev"

# To run every test as well: the second compiler with its fuzzer, the test library, independent
# readers of the formats, and checks of scripts and pages.  dpkg-dev: dpkg-shlibdeps, for CPack.
# shellcheck disable=SC2034 # used by the scripts that source this one
KM_TEST_PACKAGES="$KM_BUILD_PACKAGES clang libclang-rt-14-dev clang-format check python3
    libesedb-utils python3-libesedb python3-impacket python3-cryptography openssl gnutls-bin mandoc
    shellcheck strace dpkg-dev acl tidy"

# km_root COMMAND...: runs a command as root, through sudo where that is needed.
km_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# km_install PACKAGE...: installs those that are missing; asks the network only then.
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
    [ -n "$km_missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "error: these packages are missing, and installing them needs root or sudo:" >&2
        echo "   $km_missing" >&2
        return 1
    fi
    echo "installing:$km_missing"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    # A package list that cannot be renewed may still be good enough to install from.
    km_root apt-get -q update || echo "warning: apt-get update failed; trying without" >&2
    # shellcheck disable=SC2086 # one word per package
    if ! km_root apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=300 $km_missing; then
        echo "error: apt-get could not install:$km_missing" >&2
        return 1
    fi
}
