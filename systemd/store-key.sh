#!/bin/sh
# store-key.sh [ROOT]: sees to it that this box has a key of its own that seals its store. Run at each start.
#
#   a sealed key that opens -> nothing to do
#   none                    -> made here, sealed by systemd-creds: to the TPM and the host key, as far as there are
#   one that does not open  -> set aside with today's date, and a new one is made: the box must start
#   no systemd-creds        -> a file that only the daemon may read
#
# The key is never on a command line nor in a log. It is in use once this has ended, and not before.
set -eu
umask 077

NAME=banksman.store-key
SEALED=${1:-}/etc/credstore.encrypted/$NAME
PLAIN=${1:-}/etc/banksman/secrets/store-key
TRIES=${BANKSMAN_KEY_TRIES:-5} # a TPM may be busy for a moment
SELF=store-key

opens() { systemd-creds decrypt --name="$NAME" "$1" - > /dev/null; }

opens_soon() {
    tries=$TRIES
    until opens "$SEALED"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 2
    done
}

new_key() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# A pipe hides who failed in it: 64 digits came back, or there is no key.
whole() { [ "$(systemd-creds decrypt --name="$NAME" "$1" - | wc -c)" -eq 64 ]; }

seal_new() {
    command -v systemd-creds > /dev/null || return 1
    install -d -m 0700 "$(dirname "$SEALED")"
    rm -f "$SEALED.new"
    if new_key | systemd-creds encrypt --name="$NAME" - "$SEALED.new" && whole "$SEALED.new"; then
        sync "$SEALED.new"
        mv "$SEALED.new" "$SEALED"
        sync "$(dirname "$SEALED")"
        echo "$SELF: made $SEALED: records are sealed from now on"
    else
        rm -f "$SEALED.new"
        return 1
    fi
}

keep_plain() {
    rm -f "$PLAIN.new"
    new_key > "$PLAIN.new"
    [ "$(wc -c < "$PLAIN.new")" -eq 64 ]
    # The daemon's, since no systemd hands it over.
    chown banksman:banksman "$PLAIN.new"
    sync "$PLAIN.new"
    mv "$PLAIN.new" "$PLAIN"
    sync "$(dirname "$PLAIN")"
    echo "$SELF: made $PLAIN, which lies there in the clear: this systemd seals no credentials"
}

if [ -e "$SEALED" ]; then
    opens_soon && exit 0
    aside=$SEALED.unopened-$(date +%Y%m%d%H%M%S)
    mv "$SEALED" "$aside"
    echo "$SELF: the key does not open here; it is kept as $aside (docs/operate/secure.md)" >&2
fi
[ -e "$PLAIN" ] || seal_new || keep_plain
