# shellcheck shell=bash
# Functions that the scripts of earlier versions call when they are undone: one update may install this library and remove a host.

leave() { remove_peer "$1"; }

dismiss() { withdraw_host "$1"; }

forget_host() { withdraw_host "$1"; }

secede() { unfederate "$1"; }
