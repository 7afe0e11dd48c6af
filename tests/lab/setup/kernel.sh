#!/usr/bin/env bash
# Makes the layer that turns a machines' image into one with a kernel of its own: what overlayfs keeps when PACKAGES are installed
# above the image's folder. IMAGE is that folder, LAYER the one to fill, WORK and ROOT are empty ones of the same file system, and
# SOURCES is a sources.list of the image's release. Its mounts are in a namespace of their own, and go with this process.
set -euo pipefail
read -ra installed <<<"$PACKAGES"

mount -t overlay promwire -o "lowerdir=$IMAGE,upperdir=$LAYER,workdir=$WORK" "$ROOT"
mount --bind /proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
for file in /etc/resolv.conf /etc/hosts; do
	touch "$ROOT$file"
	mount --bind "$file" "$ROOT$file"
done
mv "$ROOT/etc/apt/sources.list" "$ROOT/etc/apt/sources.list.image"
cp "$SOURCES" "$ROOT/etc/apt/sources.list"

# An initial file system that has what this kernel needs to find its disk, and no more: it is unpacked at each boot.
mkdir -p "$ROOT/etc/initramfs-tools/conf.d" "$ROOT/usr/share/initramfs-tools/modules.d"
echo MODULES=list >"$ROOT/etc/initramfs-tools/conf.d/lab"
printf '%s\n' virtio_pci virtio_blk >"$ROOT/usr/share/initramfs-tools/modules.d/lab"

# The disk is as large as it will be, and what would make its file system larger is not in every release's image.
echo '{resize_rootfs: false, growpart: {mode: "off"}}' >"$ROOT/etc/cloud/cloud.cfg.d/91_kernel.cfg"

export DEBIAN_FRONTEND=noninteractive
# Nothing starts in a folder.
printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
chmod 755 "$ROOT/usr/sbin/policy-rc.d"
chroot "$ROOT" apt-get --quiet update
chroot "$ROOT" apt-get --quiet --yes --no-install-recommends install "${installed[@]}"
chroot "$ROOT" apt-get clean
rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT/usr/sbin/policy-rc.d"
mv "$ROOT/etc/apt/sources.list.image" "$ROOT/etc/apt/sources.list"

umount "$ROOT/etc/resolv.conf" "$ROOT/etc/hosts" "$ROOT/dev" "$ROOT/proc"
rm -f "$ROOT/etc/resolv.conf"
