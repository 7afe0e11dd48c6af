# shellcheck shell=bash
# What the scripts of earlier versions call when they are undone: an update may bring the monitor this library and take a host away.

leave() { remove_peer "$1"; }

dismiss() { forget_host "$1"; }

secede() { unfederate "$1"; }
