# Sourced by the other scripts: makes .venv, this checkout's own Python environment, and leaves its interpreter in
# $python. Needs python3 (3.10 or newer) and nothing else where it can; says exactly what to install where it cannot.

say() { printf '\033[1m%s\033[0m\n' "== $*" >&2; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Runs a command with root's rights, where this user has them without being asked for a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

# Installs Debian packages; an old package list is renewed once.
apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
        { as_root apt-get update -qq >/dev/null 2>&1 &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10 /usr/bin/python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.10 or newer is needed, and none was found. On Debian or Ubuntu: sudo apt-get install python3"
}

# Debian keeps ensurepip in a package of its own, so `python3 -m venv` may fail; pip can also fill an empty environment.
make_environment() {
    "$1" -m venv "$2" >/dev/null 2>&1 && return
    rm -rf "$2"
    if "$1" -m pip --version >/dev/null 2>&1 && "$1" -m venv --without-pip "$2" >/dev/null 2>&1; then
        "$1" -m pip -q --python "$2/bin/python" install pip && return
        rm -rf "$2"
    fi
    say "installing python3-venv"
    apt_install python3-venv || fail "This Python cannot make environments. Please run: sudo apt-get install python3-venv"
    "$1" -m venv "$2"
}

# frameworks_environment: brings .venv-integrations up to date, which has the frameworks that integrations are for, and
# leaves its interpreter in $frameworks_python. Gives 1 where this machine has no Python that they run on.
frameworks_environment() {
    venv=$root/.venv-integrations
    frameworks_python=$venv/bin/python
    if ! "$frameworks_python" -c '' 2>/dev/null; then
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || return 1
        rm -rf "$venv"
        make_environment "$python" "$venv"
    fi
    wanted=$(cksum <"$root/requirements/integrations.txt")
    if [ "$(cat "$venv/.stamp" 2>/dev/null)" != "$wanted" ]; then
        say "installing the pinned frameworks of requirements/integrations.txt, once"
        "$frameworks_python" -m pip -q --disable-pip-version-check install -r "$root/requirements/integrations.txt"
        printf '%s' "$wanted" >"$venv/.stamp"
    fi
}

# environment REQUIREMENTS: brings .venv up to date with that file and this checkout. Nothing is done twice.
environment() {
    venv=$root/.venv
    python=$venv/bin/python
    if ! "$python" -c '' 2>/dev/null; then
        say "making an environment in .venv"
        rm -rf "$venv"
        make_environment "$(find_python)" "$venv"
    fi
    wanted=$(cat "$root/requirements/$1" "$root/pyproject.toml" "$root/src/runicorn/_version.py" | cksum)
    stamp=$venv/.$1.stamp
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "installing the pinned packages of requirements/$1"
        "$python" -m pip -q --disable-pip-version-check install --require-hashes -r "$root/requirements/$1"
        say "building the page and installing runicorn from this checkout"
        "$python" -m pip -q --disable-pip-version-check install --no-deps --no-build-isolation -e "$root"
        printf '%s' "$wanted" >"$stamp"
    fi
    "$python" "$root/hatch_build.py"
}
