#!/bin/bash
# root.sh OUT: Debian for arm64, unpacked into OUT/root, with its kernel. Six to ten minutes under emulation.
. "$(dirname "$0")/lib.sh"

OUT=$1
# busybox-static is the initial root's only program. No initramfs-tools and no headers: what would run long
# under emulation is done on the host (initrd.sh, modules.sh).
PACKAGES=systemd,systemd-sysv,udev,dbus,kmod,procps,iproute2,python3,python3-venv
PACKAGES=$PACKAGES,linux-image-arm64,busybox-static,i2c-tools,gpiod

arm64_runs
sources > "$OUT/sources.list"
say "Debian $SUITE for $ARCH: downloading and unpacking, this takes six to ten minutes"
mmdebstrap --mode=root --variant=minbase --architectures=$ARCH --include="$PACKAGES" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/etc/kernel/postinst.d/initramfs-tools' \
    --customize-hook='echo banksman-vm > "$1/etc/hostname"' \
    --customize-hook='rm -rf "$1"/etc/apt/sources.list* "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*' \
    --customize-hook='rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
    "$SUITE" "$OUT/root" "$OUT/sources.list" >&2
rm "$OUT/sources.list"
