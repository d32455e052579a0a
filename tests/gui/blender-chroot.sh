#!/bin/bash
# blender-chroot.sh - run a real Blender (GUI under Xvfb + Mesa llvmpipe, or -b) in a Debian chroot and take a screenshot.
# Needs: root, Linux mount/pid namespaces, debootstrap, util-linux, a Debian mirror.  No GPU, no display needed.
set -u
PROG=$(basename "$0")

usage() { cat <<EOF
usage: $PROG [options] setup                     create or complete the chroot (idempotent)
       $PROG [options] gui SCRIPT.py [-- ARGS]   start Blender's window, run SCRIPT.py, save a screenshot
       $PROG [options] bg [ARGS...]              blender -b ARGS...   (exit status is Blender's)
       $PROG [options] run CMD [ARGS...]         any command inside the chroot
       $PROG [options] remove                    delete the chroot

options (before the command):
  --root DIR            chroot directory               (default /var/tmp/blender-gui)
  --suite NAME          Debian suite with the Blender wanted (default sid)
  --mirror URL          (default: the first Debian mirror in the host's apt sources)
  --packages "A B"      more packages for setup
  --allow-expired       setup: accept a mirror whose signed Release file is past its date (snapshot mirrors)
  --project DIR         bind DIR read-write at the same path and start there
  --python-prefix DIR   bind an interpreter prefix or virtual environment read-only at the same path (repeatable; for a
                        virtual environment give its base interpreter's prefix too)
  --bind SRC[:DST]      further read-write bind mount (repeatable)
  --read-only DIR       DIR, which lies in one of those, cannot be written to (repeatable)
  --home DIR            HOME seen by Blender (bound read-write; default: a directory kept inside the chroot)
  --env K=V             environment variable (repeatable; the caller's environment is not passed on)
  --gpu-backend NAME    opengl (default) or vulkan
  --geometry WxH        screen and window size         (default 1600x900)
  --shot FILE           screenshot to write            (default ./blender.png)
  --wait SECS           screenshot this long after start (default 15) unless the script is ready earlier: it says so by
                        creating the file named in the environment variable BLENDER_GUI_READY
  --until-exit          after the screenshot, wait for Blender to end by itself; exit status is Blender's
  --timeout SECS        hard limit for the whole run   (default 120, setup 3600)
  --log FILE            Blender's output               (default: standard output)

Exit: 0 done; 1 set-up failed; 2 usage; 3 Blender ended or crashed before the screenshot; 4 screenshot failed;
      124 timeout; otherwise Blender's own status.
Everything runs in private mount and pid namespaces: mounts and processes vanish with the script, also when it is killed.
EOF
}
die() { echo "$PROG: $*" >&2; exit "${CODE:-1}"; }

ROOT=/var/tmp/blender-gui SUITE=sid EXTRA= PROJECT= HOMEDIR= BACKEND=opengl
GEO=1600x900 SHOT=$PWD/blender.png WAIT=15 UNTIL=0 APTOPT= TMO= LOG= BINDS=() PREFIXES=() FIXED=() ENVS=()
MIRROR=
ARGV=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) usage; exit 0 ;;
    --until-exit) UNTIL=1; shift; continue ;;
    --allow-expired) APTOPT="-o Acquire::Check-Valid-Until=false"; shift; continue ;;
    --*) [ $# -ge 2 ] || { CODE=2 die "$1 needs a value"; } ;;
    *) break ;;
  esac
  case $1 in
    --root) ROOT=$2 ;; --suite) SUITE=$2 ;; --mirror) MIRROR=$2 ;; --packages) EXTRA=$2 ;;
    --project) PROJECT=$(realpath -e "$2") || exit 2 ;; --bind) BINDS+=("$2") ;; --read-only) FIXED+=("$(realpath -e "$2")") || exit 2 ;;
    --python-prefix) PREFIXES+=("$(realpath -es "$2")") || exit 2 ;; --home) HOMEDIR=$2 ;; --env) ENVS+=("$2") ;;
    --gpu-backend) BACKEND=$2 ;; --geometry) GEO=$2 ;; --shot) SHOT=$2 ;; --wait) WAIT=$2 ;;
    --timeout) TMO=$2 ;; --log) LOG=$2 ;; *) CODE=2 die "unknown option $1 (see --help)" ;;
  esac
  shift 2
done
[ $# -gt 0 ] || { usage >&2; exit 2; }
CMD=$1; shift
case $CMD in setup|gui|bg|run|remove) ;; *) CODE=2 die "unknown command $CMD" ;; esac
[ "$(id -u)" = 0 ] || die "must run as root"
ROOT=$(realpath -m "$ROOT"); [ "$ROOT" != / ] || die "refusing --root /"
[ -n "$TMO" ] || { [ "$CMD" = setup ] && TMO=3600 || TMO=120; }
if [ "$CMD" = gui ]; then
  [ $# -ge 1 ] || { CODE=2 die "gui needs a script"; }
  SCRIPT=$(realpath -e "$1") || exit 2; shift; [ "${1:-}" = -- ] && shift
  SHOT=$(realpath -m "$SHOT"); mkdir -p "$(dirname "$SHOT")" || exit 1; rm -f "$SHOT"
fi

# Re-run inside private namespaces; --kill-child ends everything with us; timeout bounds it.
if [ "${BLENDER_GUI_INNER:-}" != 1 ]; then
  command -v unshare >/dev/null && command -v setpriv >/dev/null || die "unshare and setpriv (util-linux) are missing"
  BLENDER_GUI_INNER=1 exec timeout -k 10 "$TMO" setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private \
    bash "$(realpath "$0")" "${ARGV[@]}"
fi

# What proved necessary: python3-cattr (without it Blender's extension system fails to import), python3-numpy and
# python3-requests (add-ons shipped with Blender), libegl1 + libgl1 + libgl1-mesa-dri (software OpenGL in the window and
# for -b rendering), xvfb, xauth; imagemagick = screenshots; xdotool = mouse and keyboard; python3-venv = ensurepip.
PACKAGES="blender python3-cattr python3-numpy python3-requests python3-venv ca-certificates libegl1 libgl1 libgl1-mesa-dri
  xvfb xauth xdotool imagemagick fonts-dejavu-core procps"

mounts() {
  mkdir -p "$ROOT"/{proc,dev,sys,tmp,root}; chmod 1777 "$ROOT/tmp"
  mount -t proc proc "$ROOT/proc" && mount --rbind /dev "$ROOT/dev" || die "cannot mount in $ROOT"
  mountpoint -q "$ROOT/dev/shm" || { mkdir -p "$ROOT/dev/shm"; mount -t tmpfs tmpfs "$ROOT/dev/shm"; }
}
bind() { # SRC DST [ro]
  [ -e "$1" ] || die "nothing at $1"
  if [ -d "$1" ]; then mkdir -p "$ROOT$2"; else mkdir -p "$(dirname "$ROOT$2")"; [ -e "$ROOT$2" ] || : >"$ROOT$2"; fi
  mount --rbind "$1" "$ROOT$2" || die "cannot bind $1"
  [ -z "${3:-}" ] || mount -o remount,bind,ro "$ROOT$2"
}
inside() { chroot "$ROOT" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  HOME="$INHOME" LIBGL_ALWAYS_SOFTWARE=1 GALLIUM_DRIVER=llvmpipe MESA_SHADER_CACHE_DIR=/var/cache/mesa \
  ${ENVS[@]+"${ENVS[@]}"} "$@"; }
INHOME=/root

if [ "$CMD" = remove ]; then
  if [ -e "$ROOT" ] && [ ! -e "$ROOT/.blender-gui" ]; then die "$ROOT was not made by $PROG"; fi
  rm -rf --one-file-system "$ROOT"; exit $?
fi

if [ "$CMD" = setup ]; then
  [ -n "$MIRROR" ] || MIRROR=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -E '/debian/?$' | head -n 1)
  command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap >/dev/null; } || die "install debootstrap first"
  if [ -e "$ROOT" ] && [ -n "$(ls -A "$ROOT")" ] && [ ! -e "$ROOT/.blender-gui" ]; then die "$ROOT is not empty and not ours"; fi
  mkdir -p "$ROOT"; echo "$SUITE" >"$ROOT/.blender-gui"
  if [ ! -e "$ROOT/.bootstrapped" ]; then
    debootstrap --variant=minbase "$SUITE" "$ROOT" "$MIRROR" || die "debootstrap failed"
    : >"$ROOT/.bootstrapped"
  fi
  mounts
  printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"; chmod 755 "$ROOT/usr/sbin/policy-rc.d"
  ln -sf /proc/self/mounts "$ROOT/etc/mtab"            # silences Blender's "mounted file-systems" warning
  cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/" 2>/dev/null
  for v in http_proxy https_proxy no_proxy; do [ -z "${!v:-}" ] || ENVS+=("$v=${!v}"); done
  ENVS+=(DEBIAN_FRONTEND=noninteractive)
  want="$PACKAGES $EXTRA"
  # shellcheck disable=SC2086
  if ! inside dpkg-query -W -f='${Status}\n' $want 2>/dev/null | awk 'BEGIN{n=0} /install ok installed/{n++} END{exit n!='"$(echo $want | wc -w)"'}'; then
    inst() { inside apt-get -qy install --no-install-recommends $want; }
    if ! inst; then                                    # the package lists left by debootstrap may be stale or missing
      # shellcheck disable=SC2086
      inside apt-get -q $APTOPT update || die "apt-get update failed (\"Release file is expired\": frozen mirror or wrong clock; see --allow-expired)"
      inst || die "apt-get install failed"
    fi
    inside apt-get -q clean
  fi
  inside blender --version | head -1
  inside blender -b --factory-startup --python-exit-code 9 --python-expr 'import numpy, cattrs, bpy; print("python", __import__("sys").version.split()[0], "numpy", numpy.__version__)' \
    >"$ROOT/tmp/selftest" 2>&1 || { cat "$ROOT/tmp/selftest" >&2; die "Blender does not start"; }
  grep ^python "$ROOT/tmp/selftest"; exit 0
fi

[ -e "$ROOT/.bootstrapped" ] && [ -x "$ROOT/usr/bin/blender" ] || die "no Blender in $ROOT: run '$PROG --root $ROOT setup' first"
mounts
cp -L /etc/resolv.conf "$ROOT/etc/" 2>/dev/null
[ -z "$PROJECT" ] || bind "$PROJECT" "$PROJECT"
for p in ${PREFIXES[@]+"${PREFIXES[@]}"}; do bind "$p" "$p" ro; done
for b in ${BINDS[@]+"${BINDS[@]}"}; do bind "${b%%:*}" "${b#*:}"; done
for f in ${FIXED[@]+"${FIXED[@]}"}; do bind "$f" "$f" ro; done
[ -z "$HOMEDIR" ] || { mkdir -p "$HOMEDIR"; HOMEDIR=$(realpath "$HOMEDIR"); INHOME=/home/blender-gui; bind "$HOMEDIR" $INHOME; }
CD=${PROJECT:-/tmp}
in_dir() { inside sh -c 'cd "$1" && shift && exec "$@"' sh "$CD" "$@"; }

case $CMD in
  bg)  in_dir blender -b "$@"; exit $? ;;
  run) in_dir "$@"; exit $? ;;
esac

# ---- gui
WORK=$(mktemp -d "$ROOT/tmp/gui.XXXXXX"); IN=${WORK#"$ROOT"}
cp "$SCRIPT" "$WORK/script.py"; RUN=$IN/script.py
case $SCRIPT in "${PROJECT:-//}"/*) RUN=$SCRIPT ;; esac           # keep __file__ when the script is in the project
if [ -n "$LOG" ]; then exec 4>"$LOG"; else exec 4>&1; fi      # not >/dev/stdout: that would truncate a redirected file
XP= BP=
finish() { # status
  [ -z "$BP" ] || { kill "$BP" 2>/dev/null; for _ in $(seq 30); do kill -0 "$BP" 2>/dev/null || break; sleep .1; done; kill -9 "$BP" 2>/dev/null; }
  [ -z "$XP" ] || kill "$XP" 2>/dev/null
  rm -rf "$WORK"; exit "$1"; }
trap 'finish 124' TERM INT
inside Xvfb -displayfd 3 -screen 0 "${GEO}x24" -nolisten tcp +extension GLX 3>"$WORK/display" >"$WORK/xvfb.log" 2>&1 & XP=$!
for _ in $(seq 100); do [ -s "$WORK/display" ] && break; kill -0 $XP 2>/dev/null || break; sleep .1; done
[ -s "$WORK/display" ] || { cat "$WORK/xvfb.log" >&2; echo "$PROG: Xvfb did not start" >&2; finish 1; }
ENVS+=("DISPLAY=:$(tr -d '\n' <"$WORK/display")" "BLENDER_GUI_READY=$IN/ready")
in_dir blender --gpu-backend "$BACKEND" --window-geometry 0 0 "${GEO%x*}" "${GEO#*x}" "$@" --python "$RUN" >&4 2>&1 & BP=$!
t=0
while kill -0 $BP 2>/dev/null && [ ! -e "$WORK/ready" ] && [ $t -lt $((WAIT * 5)) ]; do sleep .2; t=$((t + 1)); done
if ! kill -0 $BP 2>/dev/null; then wait $BP; st=$?; BP=; echo "$PROG: Blender ended ($st) before the screenshot" >&2; finish 3; fi
shoot() { inside import -window root "$IN/shot.png"; }
colours() { inside identify -format '%k' "$IN/shot.png" 2>/dev/null || echo 1; }
shoot
while [ "$(colours)" -le 1 ] && kill -0 $BP 2>/dev/null && [ $t -lt $((WAIT * 5 + 300)) ]; do sleep 1; t=$((t + 5)); shoot; done
[ "$(colours)" -gt 1 ] && cp "$WORK/shot.png" "$SHOT" || { echo "$PROG: screenshot failed (black or missing)" >&2; finish 4; }
echo "$PROG: wrote $SHOT"
if [ $UNTIL = 1 ]; then wait $BP; st=$?; BP=; finish $st; fi
finish 0
