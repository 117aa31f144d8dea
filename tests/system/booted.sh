#!/usr/bin/env bash
# Boot a systemd over this machine's file system with a layer over it that is gone afterwards.
#
# usage: booted.sh NAME LAYER PACKAGES GROUP...
#
# To be run with name spaces of its own for mounts and processes.  LAYER is an empty directory for what is mounted;
# PACKAGES, a directory, is /packages inside; the GROUPs are the control groups that it may use.
set -euo pipefail
name=$1 layer=$2 packages=$3
shift 3
for group in "$@"; do
	echo 0 >"$group/cgroup.procs" # 0: whoever writes it
done
mount -t tmpfs none "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
root=$layer/root
mount -t tmpfs none /run
# What else this machine runs is not started there; what is installed there is, and at once.
rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/rc?.d "$root/usr/sbin/policy-rc.d" "$root/var/log/journal" \
	"$root/var/lib/man-db/auto-update"
# Without one, all services would be enabled as at the first start of a new machine.
[ -s "$root/etc/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
cd /
# A reboot ends it with this status, and is ours to do; none of the tests needs many.
for _ in 1 2 3 4; do
	status=0
	systemd-nspawn --quiet --directory="$root" --machine="$name" --boot --register=no --keep-unit --private-network \
		--console=pipe --link-journal=no --resolv-conf=off --timezone=off --bind-ro="$packages:/packages" </dev/null || status=$?
	[ $status -eq 133 ] || exit $status
done
