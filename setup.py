"""The one compiled part: the guard. Everything else about the build is in pyproject.toml.

The guard is optional at build time, so that a machine without a C compiler can still
install and observe; the daemon then refuses to arm real outputs and says why.
"""

from setuptools import Extension, setup

GUARD = Extension(
    "banksman_drivers.guard._native",
    sources=["drivers/banksman_drivers/guard/_native.c"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    extra_compile_args=["-O2", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"],
    extra_link_args=["-lpthread"],
    py_limited_api=True,
    optional=True,
)

setup(ext_modules=[GUARD], options={"bdist_wheel": {"py_limited_api": "cp311"}})
