#!/usr/bin/env bash
# Finishes the machines' image. mmdebstrap runs it with the image's root as its argument, while apt's sources are still the
# operator's machine's. PACKAGES names those that machines can install later.
set -euo pipefail

root=$1
here=$(dirname "$0")
read -ra available <<<"$PACKAGES"

# The repository inside the image: the packages and all that they need beyond what is installed.
chroot "$root" apt-get clean
chroot "$root" apt-get --quiet --yes --no-install-recommends --download-only install "${available[@]}"
mkdir -p "$root/opt/packages"
mv "$root"/var/cache/apt/archives/*.deb "$root/opt/packages/"
(cd "$root/opt/packages" && apt-ftparchive packages . >Packages && apt-ftparchive release . >Release.partial)
mv "$root/opt/packages/Release.partial" "$root/opt/packages/Release"
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*

cp -r "$here/rootfs/." "$root/"

# What belongs to one machine is made at its first boot. An empty machine-id says so without systemd's first-boot questions.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id" "$root/etc/hostname" "$root/etc/resolv.conf"
: >"$root/etc/machine-id"

chroot "$root" systemctl enable systemd-networkd.service
# Nothing that wakes up by itself: twenty machines share two processors.
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
	console-getty.service
