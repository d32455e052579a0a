#!/usr/bin/env bash
# Ring 3 in whatever Blender there is: $BLENDER or $BLENDER_GUI if set, `blender` on the path, or else, for root on
# Debian, Debian's Blender in a chroot (made once, a few minutes, 3 GB). Without any, the tests say why they skip.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${BLENDER:-}" ] && [ -z "${BLENDER_GUI:-}" ]; then
  if command -v blender >/dev/null; then
    export BLENDER=blender
  elif [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v unshare >/dev/null; then
    tests/gui/blender-chroot.sh setup >/tmp/understudy-chroot.log 2>&1 \
      && export BLENDER_GUI="$PWD/tests/gui/blender-chroot.sh" \
      || echo "No Blender window: the chroot could not be made; see /tmp/understudy-chroot.log"
  fi
fi
exec .venv/bin/python -m pytest tests/gui -q "$@"
