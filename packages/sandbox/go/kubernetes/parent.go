package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

// parentVariable holds the process id that the process must not outlive.
const parentVariable = "ZAKENAK_DIE_WITH_PARENT"

// init runs on the main thread. The parent-death signal belongs to the thread that asked for it, and an exec keeps that of the thread that calls it:
// main has to stay on this one.
func init() {
	text := os.Getenv(parentVariable)
	if text == "" {
		return
	}
	parent, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s takes a process id\n", parentVariable)
		os.Exit(2)
	}
	runtime.LockOSThread()
	dieWithParent(parent)
	// Children of a daemon are its own affair.
	os.Unsetenv(parentVariable)
}

// execWithParent replaces this process by another program, which dies with the parent as well.
func execWithParent() int {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: exec-with-parent program [argument...]")
		return 2
	}
	program, err := exec.LookPath(os.Args[1])
	if err == nil {
		err = syscall.Exec(program, os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	return 127
}
