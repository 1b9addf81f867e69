#!/bin/bash
# Runs inside the virtual machine, as root: installs the wheel and the units as docs/operate/install.md says,
# runs the tests, leaves JUnit XML and the journal in the shared folder. The host judges what it finds there.
set -uo pipefail

HOST=/mnt/host
RESULTS=$HOST/results
at() { printf 'vm: %s s: %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*"; }

at "booted: $(uname -m), Linux $(uname -r), $(/opt/banksman/bin/python --version)"
modprobe gpio-sim && modprobe i2c-dev || exit 1
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config

cp -r "$HOST/checkout" /root/checkout && cd /root/checkout || exit 1
/opt/banksman/bin/pip install --quiet --no-index --no-deps --disable-pip-version-check "$HOST"/*.whl || exit 1
install -D -m 0644 systemd/banksman.service /usr/lib/systemd/system/banksman.service
install -D -m 0644 systemd/banksman-store-key.service /usr/lib/systemd/system/banksman-store-key.service
install -D -m 0755 systemd/store-key.sh /usr/lib/banksman/store-key
install -D -m 0644 systemd/sysusers.d/banksman.conf /usr/lib/sysusers.d/banksman.conf
install -D -m 0644 systemd/tmpfiles.d/banksman.conf /usr/lib/tmpfiles.d/banksman.conf
install -D -m 0644 systemd/udev/60-banksman.rules /usr/lib/udev/rules.d/60-banksman.rules
systemd-sysusers banksman.conf
systemd-tmpfiles --create banksman.conf
udevadm control --reload && udevadm trigger
systemctl daemon-reload

at "the wheel is installed; tests begin"
export BANKSMAN_VM=1
mapfile -t arguments < <(grep . "$HOST/arguments")
/opt/banksman/bin/python -m pytest -m vm -p no:cacheprovider --junitxml="$RESULTS/junit.xml" \
    -o junit_family=xunit1 -v --color=no "${arguments[@]}" tests/vm
code=$?
journalctl --no-pager -o short-monotonic > "$RESULTS/journal.txt"
echo $code > "$RESULTS/code"
at "over, pytest's exit code is $code"
