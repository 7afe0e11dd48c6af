// Package protect stands in for the module of this name, which asks OpenBSD's kernel to confine a process and does nothing
// on Linux. Not every module proxy serves it, and the lab runs wireproxy only on Linux.
package protect

// Pledge does nothing, and never fails.
func Pledge(string) error { return nil }

// Unveil does nothing, and never fails.
func Unveil(string, string) error { return nil }
