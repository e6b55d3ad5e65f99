package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// enter runs a program in the node's namespaces and ends with its exit code. The two share their life: each dies with the other.
func enter(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("takes a file with a process id, a program and its arguments")
	}
	pid, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	if err := joinNamespaces(filepath.Join("/proc", strings.TrimSpace(string(pid)), "ns")); err != nil {
		return err
	}
	// From here on paths are the node's.
	child := exec.Command("/proc/self/exe", append([]string{"become"}, args[1:]...)...)
	child.Dir = inside + "/home"
	child.Env = append(os.Environ(), "HOME="+child.Dir, "TMPDIR="+child.Dir)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	err = child.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return fmt.Errorf("%s was ended by %v", args[1], status.Signal())
		}
		os.Exit(ended.ExitCode())
	}
	return err
}

// become turns a child of enter, inside the node, into the program. SysProcAttr.Pdeathsig cannot be used: its check for a parent that has ended
// already compares process ids of two namespaces.
func become(args []string) error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return fmt.Errorf("prctl(PR_SET_PDEATHSIG): %w", errno)
	}
	// A parent outside the namespace has no number here; the first process is who takes orphans.
	if os.Getppid() != 0 {
		return fmt.Errorf("the process that entered the node is gone")
	}
	return syscall.Exec(args[0], args, os.Environ())
}

// joinNamespaces moves the calling thread, which main is locked to, and what it starts.
func joinNamespaces(folder string) error {
	// A thread that shares its working folder with others may not change its mounts.
	if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	names := []string{"net", "ipc", "uts", "pid", "mnt"}
	handles := make([]*os.File, len(names))
	for index, name := range names {
		handle, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		defer handle.Close()
		handles[index] = handle
	}
	for index, handle := range handles {
		if _, _, errno := syscall.RawSyscall(sysSetns, handle.Fd(), 0, 0); errno != 0 {
			return fmt.Errorf("setns %s: %w", names[index], errno)
		}
	}
	return nil
}
