#!/bin/bash
# Builds the virtual machine of `make test-vm`: Debian for arm64 with simulated GPIO and I2C.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<TEXT
usage: build.sh [--help] [--cached]

Prints the folder in which the machine lies (vmlinuz, initrd, disk.ext4, headers), building first what is
not in the cache: as root, in five to ten minutes; two GB. --cached builds nothing; exit code 3 says
that something is missing.

Debian packages: image-build/apt-needs.sh vm. The cache: $CACHE, or \$BANKSMAN_VM_CACHE.
TEXT
}

BUILD=yes
case ${1:-} in
    --help) usage; exit 0 ;;
    --cached) BUILD=no ;;
    '') ;;
    *) usage >&2; exit 2 ;;
esac

# step NAME KEY SCRIPT ARGUMENT...: runs SCRIPT with a new folder, unless the cache has it; tells the folder.
step() {
    local name=$1 folder=$CACHE/$1-$2 script=$VM/$3 began=$SECONDS
    shift 3
    if [ ! -d "$folder" ]; then
        [ $BUILD = yes ] || { say "$folder is not built"; exit 3; }
        [ "$(id -u)" -eq 0 ] || die "building the machine needs root (chroot, mknod): sudo make test-vm"
        # Others with this name were made of other inputs.
        rm -rf "$CACHE/$name"-*
        mkdir -p "$folder.part"
        nice -n 10 bash "$script" "$folder.part" "$@"
        mv "$folder.part" "$folder"
        say "$(basename "$folder"): $((SECONDS - began)) s"
    fi
    FOLDER=$folder
}

cd "$VM"
REQUIREMENTS=$("$PYTHON" requirements.py)

step root "$(key lib.sh root.sh <<< "")" root.sh
ROOT=$FOLDER
step modules "$(key lib.sh modules.sh <<< "$ROOT")" modules.sh "$ROOT/root"
MODULES=$FOLDER
step headers "$(key lib.sh headers.sh <<< "")" headers.sh
HEADERS=$FOLDER
# shellcheck disable=SC2086  # one word a requirement
step wheels "$(key lib.sh wheels.sh <<< "$REQUIREMENTS")" wheels.sh $REQUIREMENTS
WHEELS=$FOLDER
step boot "$(key lib.sh initrd.sh <<< "$ROOT")" initrd.sh "$ROOT/root"
BOOT=$FOLDER
step disk "$(key lib.sh disk.sh guest/banksman-vm.service <<< "$ROOT $MODULES $WHEELS")" \
    disk.sh "$ROOT/root" "$MODULES" "$WHEELS"
DISK=$FOLDER

printf '%s=%s\n' HEADERS "$HEADERS" KERNEL "$BOOT/vmlinuz" INITRD "$BOOT/initrd" DISK "$DISK/disk.ext4"
