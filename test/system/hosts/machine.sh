#!/bin/bash
# A machine in which systemd is process 1, over the files of this one: what it writes goes to memory,
# and is gone with it. Its network is this machine's. To be run as root by
#   unshare --mount --pid --fork --kill-child --uts --ipc --cgroup machine.sh FOLDER SOURCE
# FOLDER/units has the units that it boots with; it sees SOURCE as /source.
set -euo pipefail
folder=$1
source=$2
root=$folder/root

# By the number that it has outside, others enter it.
read -r pid _ </proc/self/stat
echo "$pid" >"$folder/pid"

mount -t tmpfs tmpfs "$folder/memory"
mkdir "$folder/memory/upper" "$folder/memory/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/memory/upper,workdir=$folder/memory/work" "$root"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
for name in run tmp; do mount -t tmpfs tmpfs "$root/$name"; done
mount --rbind /dev "$root/dev"

# Nothing of this machine's is started: its units stay where they are, and are not looked at.
mount -t tmpfs tmpfs "$root/etc/systemd/system"
mkdir -p "$root/source" "$root/units"
mount --bind "$source" "$root/source"
mount --bind "$folder/units" "$root/units"

# Not chroot alone: who has only that may make no user namespace, as PrivateUsers= does.
cd "$root"
pivot_root . .
umount -l .
# As it is on a machine: credentials are mounted elsewhere, and have to come through.
mount --make-rshared /
exec chroot . /usr/bin/env -i container=actions2aws-test PATH="$PATH" \
  SYSTEMD_UNIT_PATH=/etc/systemd/system:/units \
  /lib/systemd/systemd --system --unit=machine.target --show-status=no --log-target=null
