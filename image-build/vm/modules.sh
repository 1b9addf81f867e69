#!/bin/bash
# modules.sh OUT ROOT: gpio-sim.ko and i2c-stub.ko for ROOT's own kernel, into OUT. About a minute.
#
# Debian builds neither. Both come out of linux-source of the very version, and are built against its
# headers; kbuild's programs are this machine's. Three things stand in the way of gpio-sim alone:
# - It wants irq_sim, which is part of the kernel proper and switched off there: it goes into the module.
# - irq_sim calls irq_to_desc(), which modules may not: generic_handle_irq() is the exported way round.
# - A chip that is removed while its lines are watched frees the interrupts' data under whoever gives them
#   back later, and the kernel dies of it. Our tests pull chips out, so these data stay until the end.
. "$(dirname "$0")/lib.sh"

OUT=$1 ROOT=$2
RELEASE=$(basename "$ROOT"/lib/modules/*-$ARCH)     # 6.1.0-NN-arm64
VERSION=$(dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${Version}' "linux-image-$RELEASE")
SERIES=${VERSION%%.*}.$(cut -d. -f2 <<< "$VERSION")  # 6.1
HOST=$(dpkg --print-architecture)
DEBS=$OUT/debs TREE=$OUT/tree BUILD=$OUT/build
mkdir -p "$DEBS" "$TREE" "$BUILD"

say "kernel $RELEASE ($VERSION): fetching its headers and source"
fetch "$DEBS" $ARCH "linux-headers-$RELEASE=$VERSION" "linux-headers-${RELEASE%-$ARCH}-common=$VERSION"
fetch "$DEBS" "$HOST" "linux-kbuild-$SERIES=$VERSION" "linux-source-$SERIES=$VERSION"
for deb in "$DEBS"/*.deb; do dpkg-deb -x "$deb" "$TREE"; done

HEADERS=$TREE/usr/src/linux-headers-$RELEASE
# The headers name each other and kbuild by absolute paths.
sed -i "s#/usr/src/linux-headers#$TREE/usr/src/linux-headers#" "$HEADERS/Makefile"
for name in scripts tools; do
    for from in "$HEADERS" "${HEADERS%-$ARCH}-common"; do
        [ ! -e "$TREE/usr/lib/linux-kbuild-$SERIES/$name" ] ||
            ln -sfn "$TREE/usr/lib/linux-kbuild-$SERIES/$name" "$from/$name"
    done
done

tar -C "$BUILD" --strip-components=1 -xf "$TREE/usr/src/linux-source-$SERIES.tar.xz" \
    "linux-source-$SERIES"/{drivers/gpio/gpio-sim.c,drivers/gpio/gpiolib.h,drivers/i2c/i2c-stub.c,kernel/irq/irq_sim.c}
MODULES=$OUT/modules
mkdir -p "$MODULES"
mv "$BUILD/drivers/gpio/gpio-sim.c" "$MODULES/gpio-sim-core.c"
mv "$BUILD/drivers/gpio/gpiolib.h" "$BUILD/drivers/i2c/i2c-stub.c" "$BUILD/kernel/irq/irq_sim.c" "$MODULES"
sed -i 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq(irqnum);/' "$MODULES/irq_sim.c"
sed -i -e 's/devm_irq_domain_create_sim(dev, swnode, num_lines)/irq_domain_create_sim(swnode, num_lines)/' \
    -e 's/^\t\tirq_dispose_mapping(irq_find_mapping(chip->irq_sim, i));/\t\tcontinue;/' "$MODULES/gpio-sim-core.c"
! grep -e irq_dispose_mapping -e devm_irq_domain "$MODULES/gpio-sim-core.c" >&2 ||
    die "gpio-sim of $VERSION reads otherwise than this script was written for"
printf '%s\n' 'obj-m += gpio-sim.o i2c-stub.o' 'gpio-sim-y := gpio-sim-core.o irq_sim.o' > "$MODULES/Makefile"

say "building gpio-sim and i2c-stub for $RELEASE"
make -s -C "$HEADERS" M="$MODULES" ARCH=$ARCH CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc modules >&2
aarch64-linux-gnu-strip --strip-debug "$MODULES"/*.ko
mv "$MODULES"/*.ko "$OUT"
rm -rf "$DEBS" "$TREE" "$BUILD" "$MODULES"
