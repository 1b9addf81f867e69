#!/bin/bash
# wheel.sh OUT HEADERS: the checkout as it is, as an arm64 wheel with the guard cross-built, into OUT. Seconds.
. "$(dirname "$0")/lib.sh"

OUT=$1 HEADERS=$2
SOURCE=$OUT/source
mkdir -p "$SOURCE"
# What git knows or would take, and nothing that was built here.
git -C "$REPOSITORY" ls-files -z --cached --others --exclude-standard |
    (cd "$REPOSITORY" && tar -c --null --files-from=- --ignore-failed-read 2>/dev/null) | tar -x -C "$SOURCE"

say "building the wheel for arm64"
CC="aarch64-linux-gnu-gcc -I$HEADERS/usr/include" LDSHARED="aarch64-linux-gnu-gcc -shared" \
    _PYTHON_HOST_PLATFORM=linux-aarch64 \
    "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$OUT" "$SOURCE" >&2
GUARD=banksman_drivers/guard/_native.abi3.so
unzip -q -o -d "$OUT/look" "$OUT"/*.whl "$GUARD" || die "the wheel holds no guard: it was not built"
aarch64-linux-gnu-readelf -h "$OUT/look/$GUARD" | grep -q AArch64 || die "the wheel's guard is not for arm64"
rm -rf "$OUT/look" "$SOURCE/build"
mv "$SOURCE" "$OUT/checkout"
