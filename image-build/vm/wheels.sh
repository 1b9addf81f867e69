#!/bin/bash
# wheels.sh OUT REQUIREMENT...: what the wheel needs, as arm64 wheels for Debian's Python, into OUT.
# Nothing is compiled: a package without such a wheel stops here, because it could not be installed on a box.
. "$(dirname "$0")/lib.sh"

OUT=$1
shift
# Published as source only, and pure Python: made a wheel here, which must then fit every machine.
SOURCE_ONLY=(sdnotify)
# pip matches a tag exactly, so each that bookworm's glibc (2.36) can load is named.
PLATFORMS=(--platform manylinux2014_aarch64)
for tag in 2_17 2_24 2_26 2_27 2_28 2_31 2_34 2_35; do PLATFORMS+=(--platform "manylinux_${tag}_aarch64"); done
PIP=("$PYTHON" -m pip --quiet --disable-pip-version-check)

say "downloading arm64 wheels of: $*"
for name in "${SOURCE_ONLY[@]}"; do
    printf '%s\n' "$@" | grep -m1 -E "^$name([^a-z0-9-]|$)" |
        xargs -r "${PIP[@]}" wheel --no-deps --wheel-dir "$OUT" >&2
    ls "$OUT/$name"-*-none-any.whl > /dev/null || die "$name is not pure Python"
done
"${PIP[@]}" download --dest "$OUT" --find-links "$OUT" --only-binary=:all: \
    --implementation cp --python-version 311 --abi cp311 --abi abi3 --abi none "${PLATFORMS[@]}" "$@" >&2
