#!/bin/bash
# initrd.sh OUT ROOT: OUT/vmlinuz and OUT/initrd, made of ROOT's kernel, two seconds and no emulation.
. "$(dirname "$0")/lib.sh"

OUT=$1 ROOT=$2
RELEASE=$(basename "$ROOT"/lib/modules/*-$ARCH)
TREE=$OUT/tree
mkdir -p "$TREE"/{bin,proc,sys,dev,root}
cp "$ROOT/bin/busybox" "$TREE/bin"
cp "$ROOT/boot/vmlinuz-$RELEASE" "$OUT/vmlinuz"
for module in virtio_blk virtio_pci ext4; do
    modprobe -d "$ROOT" -S "$RELEASE" --show-depends "$module" | awk '/^insmod/ { print $2 }'
done | awk '!seen[$0]++' | while read -r file; do
    cp "$file" "$TREE"
    basename "$file"
done > "$TREE/modules"

cat > "$TREE/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for module in $($b cat /modules); do $b insmod "/$module"; done
tries=0
until [ -b /dev/vda ]; do
    tries=$((tries + 1)); [ $tries -le 100 ] || { echo "initrd: no disk"; $b poweroff -f; }
    $b usleep 100000
done
$b mount -t ext4 /dev/vda /root || $b poweroff -f
for at in proc sys dev; do $b mount --move /$at /root/$at; done
exec $b switch_root /root /lib/systemd/systemd
INIT
chmod +x "$TREE/init"
(cd "$TREE" && find . | cpio --quiet -o -H newc | gzip -1) > "$OUT/initrd"
rm -rf "$TREE"
