#!/bin/bash
# headers.sh OUT: Python's headers for arm64, into OUT/usr/include: what the guard is cross-built against.
. "$(dirname "$0")/lib.sh"

OUT=$1
fetch "$OUT" $ARCH libpython3.11-dev
for deb in "$OUT"/*.deb; do dpkg-deb -x "$deb" "$OUT/all"; done
mkdir -p "$OUT/usr"
mv "$OUT/all/usr/include" "$OUT/usr/include"
rm -rf "$OUT/all" "$OUT"/*.deb
