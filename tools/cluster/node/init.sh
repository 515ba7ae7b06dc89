#!/bin/sh
# The first process of a node, in mount, network and pid namespaces of its own: makes them look like a machine that
# has just booted, then becomes `pause`. When it ends, the kernel ends everything else in the node.
#
# usage: init.sh STATE_FOLDER PROGRAMS_FOLDER PAUSE, the last below the folder before it
#
# mount -n: the table of mounts that mount would keep is the whole machine's, in the /run that is replaced here.
set -eu
state=$1
programs=$2
pause=$3

# The state folder may lie below a folder that is hidden further down, so it gets a place that stays visible.
staging=$(mktemp -d)
mount -n -t tmpfs -o mode=755 tmpfs "$staging"
mkdir "$staging/simjob" "$staging/simjob/state" "$staging/simjob/programs" "$staging/simjob/proc"
mount -n --bind "$state" "$staging/simjob/state"
mount -n --bind "$programs" "$staging/simjob/programs"
mount -n --move "$staging" /run
rmdir "$staging"
mount -n --bind /run/simjob/state/node/var/lib /var/lib
mount -n --bind /run/simjob/state/node/var/log /var/log

# The kubelet wants these settings and would write them, for the whole machine and for good. It reads files that
# already say so instead.
pretend() {
    target=/proc/sys/$1
    [ -e "$target" ] || return 0
    copy=/run/simjob/proc/$(echo "$1" | tr / .)
    echo "$2" >"$copy"
    mount -n --bind "$copy" "$target"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

# Mounts under /var/lib/kubelet must reach the containers that are running already.
mount -n --make-rshared /

echo 1 >/proc/sys/net/ipv4/ip_forward
ip link set lo up

touch /run/simjob/booted
exec "/run/simjob/programs/$pause"
