package main

import (
	"fmt"
	"os"
	"syscall"
)

// dieWithParent asks the kernel to kill this process when its parent ends (prctl(2), PR_SET_PDEATHSIG), and ends at once where the
// parent was gone before the kernel knew.
func dieWithParent(parent int) {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		fmt.Fprintln(os.Stderr, "prctl(PR_SET_PDEATHSIG):", errno)
		os.Exit(70)
	}
	if os.Getppid() != parent {
		os.Exit(1)
	}
}
