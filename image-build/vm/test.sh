#!/bin/bash
# Boots the virtual machine, runs tests/vm inside, and tells the outcome: what `make test-vm` runs.
. "$(dirname "$0")/lib.sh"

LIMIT_S=${BANKSMAN_VM_LIMIT_S:-1200}

usage() {
    cat <<TEXT
usage: test.sh [--help] [--if-cached] [ARGUMENT OF PYTEST...]

Builds the machine where it is not in the cache (build.sh), the wheel for arm64 from the checkout as it is,
boots and runs tests/vm. Results: $CACHE/results (junit.xml, journal.txt, console.txt).

  test.sh -k estop        only the tests of that name
  test.sh --if-cached     does nothing but say so where the machine would have to be built first
  BANKSMAN_VM_LIMIT_S     how long the machine may run; $LIMIT_S
TEXT
}

[ "${1:-}" != --help ] || { usage; exit 0; }

if [ "${1:-}" = --if-cached ]; then
    shift
    for program in qemu-system-aarch64 aarch64-linux-gnu-gcc unzip; do
        command -v $program > /dev/null ||
            { echo "make test-vm was not run: $program is not installed"; exit 0; }
    done
    "$VM/build.sh" --cached > /dev/null 2>&1 ||
        { echo "make test-vm was not run: its machine is not in $CACHE (make test-vm builds it)"; exit 0; }
fi

mkdir -p "$CACHE"
# One emulator at a time: two would make each other's times worthless.
exec 9> "$CACHE/lock"
flock -n 9 || { say "another run holds $CACHE/lock: waiting for it"; flock 9; }

MACHINE=$("$VM/build.sh")
eval "$MACHINE"     # HEADERS KERNEL INITRD DISK
SHARE=$CACHE/share RESULTS=$CACHE/results
rm -rf "$SHARE" "$RESULTS"
mkdir -p "$SHARE/results"
nice -n 10 bash "$VM/wheel.sh" "$SHARE" "$HEADERS"
cp "$VM/guest/inside.sh" "$SHARE"
printf '%s\n' "$@" > "$SHARE/arguments"     # one a line; an empty one where there is none

say "booting (arm64 under emulation: half a minute to the first test); console: $RESULTS/console.txt"
mkdir -p "$RESULTS"
began=$SECONDS
# pauth-impdef: pointer authentication with a cheap algorithm, four times faster to emulate than the
# architecture's. The disk is the cache's own, and what is written to it is forgotten.
nice -n 10 timeout --foreground "$LIMIT_S" qemu-system-aarch64 \
    -M virt -cpu max,pauth-impdef=on -smp 2 -m 2048 -accel tcg,thread=multi \
    -kernel "$KERNEL" -initrd "$INITRD" -append "console=ttyAMA0 quiet oops=panic panic=-1 systemd.show_status=no" \
    -drive "if=virtio,format=raw,snapshot=on,cache=unsafe,file=$DISK" -device virtio-rng-pci \
    -virtfs "local,path=$SHARE,mount_tag=host,security_model=none" \
    -nic none -no-reboot -display none -monitor none -serial stdio < /dev/null 2>&1 |
    sed -u 's/\r$//' | tee "$RESULTS/console.txt" >&2 || say "the machine was stopped after $LIMIT_S s"
mv "$SHARE/results"/* "$RESULTS/" 2> /dev/null || true
say "the machine ran for $((SECONDS - began)) s"
"$PYTHON" "$VM/summary.py" "$RESULTS"
