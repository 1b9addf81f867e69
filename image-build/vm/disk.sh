#!/bin/bash
# disk.sh OUT ROOT MODULES WHEELS: OUT/disk.ext4, the machine as it boots: Debian, both simulators, a virtual
# environment at /opt/banksman with all that the wheel needs but the wheel, and the unit that runs what the
# host hands in. Two to three minutes: pip runs under emulation.
. "$(dirname "$0")/lib.sh"

OUT=$1 ROOT=$2 MODULES=$3 WHEELS=$4
STAGE=$OUT/root
RELEASE=$(basename "$ROOT"/lib/modules/*-$ARCH)

arm64_runs
cp -a --reflink=auto "$ROOT" "$STAGE"
install -D -m 0644 -t "$STAGE/lib/modules/$RELEASE/extra" "$MODULES"/*.ko
depmod -b "$STAGE" "$RELEASE"

say "installing the wheels into a virtual environment, as pip does it on a box"
cp -r "$WHEELS" "$STAGE/wheels"
chroot "$STAGE" python3 -m venv /opt/banksman
chroot "$STAGE" sh -c '/opt/banksman/bin/pip install --quiet --no-index --disable-pip-version-check /wheels/*.whl' >&2
rm -rf "$STAGE/wheels"

install -m 0644 "$VM/guest/banksman-vm.service" "$STAGE/etc/systemd/system/"
mkdir -p "$STAGE/etc/systemd/system/multi-user.target.wants" "$STAGE/mnt/host"
ln -s ../banksman-vm.service "$STAGE/etc/systemd/system/multi-user.target.wants/"
# Nothing here is for a person at a console, and each unit costs emulated seconds.
for unit in getty.target serial-getty@ttyAMA0.service apt-daily.timer apt-daily-upgrade.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer; do
    ln -sfn /dev/null "$STAGE/etc/systemd/system/$unit"
done
echo '/dev/vda / ext4 rw 0 0' > "$STAGE/etc/fstab"

say "making the disk"
truncate -s 3G "$OUT/disk.ext4"
mke2fs -q -t ext4 -O ^has_journal -d "$STAGE" "$OUT/disk.ext4"
rm -rf "$STAGE"
