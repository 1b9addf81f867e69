"""The one compiled part: the guard. Everything else about the build is in pyproject.toml.

The guard is optional at build time, so that a machine without a C compiler can still
install and observe; the daemon then refuses to arm real outputs and says why.
"""

from setuptools import Extension, setup

GUARD_FOLDER = "drivers/banksman_drivers/guard"

GUARD = Extension(
    "banksman_drivers.guard._native",
    sources=[f"{GUARD_FOLDER}/{name}.c" for name in ("_native", "guard", "loop", "core", "lines")],
    depends=[f"{GUARD_FOLDER}/{name}.h" for name in ("guard", "core", "lines")],
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    extra_compile_args=["-O2", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"],
    extra_link_args=["-lpthread"],
    py_limited_api=True,
    optional=True,
)

setup(ext_modules=[GUARD], options={"bdist_wheel": {"py_limited_api": "cp311"}})
