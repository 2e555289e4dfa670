# Sourced: installs Debian packages where that needs no question.

# The command a person would type to install the packages $*.
apt_command() {
    if [ "$(id -u)" = 0 ]; then echo "apt-get install -y $*"; else echo "sudo apt-get install -y $*"; fi
}

# True if apt_install can try: Debian's package tool, and root or sudo without a password.
apt_possible() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# Install the packages $*; on failure show the end of apt's own words. Asks nothing.
apt_install() {
    apt_possible || return 1
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root='sudo -n'; fi
    echo "Installing Debian packages: $*" >&2
    apt_log=$(mktemp)
    # Package lists may be missing or old, so a failed try is repeated after an update.
    if $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$apt_log" 2>&1 </dev/null \
        || { $as_root apt-get update >>"$apt_log" 2>&1 </dev/null \
            && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$apt_log" 2>&1 </dev/null; }; then
        rm -f "$apt_log"
        return 0
    fi
    tail -n 3 "$apt_log" >&2
    rm -f "$apt_log"
    return 1
}
