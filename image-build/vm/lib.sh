# What the steps of build.sh share. Sourced, never run. The rules of this folder:
# - Everything lies in .cache/vm (or $BANKSMAN_VM_CACHE), one folder a step, named by a hash of what went
#   into it. A step writes into NAME.part and renames it when it is whole: a broken build is never used.
# - The Debian mirror is the one this machine itself uses; none is written down here.
# - Packages for the other architecture are fetched with a private apt, so that the machine's own
#   package state (dpkg --add-architecture) stays as it is.
set -euo pipefail

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$VM/../.." && pwd)
CACHE=${BANKSMAN_VM_CACHE:-$REPOSITORY/.cache/vm}
SUITE=bookworm
ARCH=arm64
PYTHON=$REPOSITORY/.venv/bin/python     # made by make; its pip downloads and builds
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'vm: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# key FILE... < further words: twelve hex digits of all of them.
key() { { cat "$@"; cat; } | sha256sum | cut -c1-12; }

# mirror main|security: the address that this machine's own apt uses.
mirror() {
    local release uri
    case $1 in main) release='/debian$' ;; security) release='debian-security$' ;; esac
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed 's#/*$##' | sort -u | grep -m1 -- "$release") ||
        die "this machine's apt knows no Debian mirror ($1): see /etc/apt/sources.list.d"
    printf '%s\n' "$uri"
}

# sources: the suite's package lists, as a sources file on stdout.
sources() {
    local signed="[signed-by=$KEYRING]"
    echo "deb $signed $(mirror main) $SUITE main"
    echo "deb $signed $(mirror main) $SUITE-updates main"
    echo "deb $signed $(mirror security) $SUITE-security main"
}

# fetch FOLDER ARCHITECTURE PACKAGE...: downloads .deb files with an apt of its own.
fetch() {
    local folder=$1 architecture=$2 apt
    shift 2
    apt=$folder/.apt-$architecture
    mkdir -p "$apt"/{etc/apt/preferences.d,state/lists/partial,cache/archives/partial}
    sources > "$apt/etc/apt/sources.list"
    : > "$apt/status"
    local options=(-qq -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"
        -o "Dir::Etc=$apt/etc/apt" -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status"
        -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update
    (cd "$folder" && apt-get "${options[@]}" download "$@")
    rm -rf "$apt"
}

# arm64_runs: programs of the other architecture run here, through qemu-user.
arm64_runs() {
    local table=/proc/sys/fs/binfmt_misc
    mountpoint -q "$table" || mount -t binfmt_misc binfmt_misc "$table"
    [ -e "$table/qemu-aarch64" ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf > "$table/register"
}
