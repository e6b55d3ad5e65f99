package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

// inside is where the node finds the sandbox's folder.
const inside = "/run/zakenak"

// initialize is the first process of the node's namespaces: it makes the node's view of the machine, serves its network to the host over
// one socket, and collects the processes that lost their parent.
func initialize(args []string) error {
	chosen, err := readSettings(args)
	if err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(chosen.Name)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if err := mountNode(chosen.Folder); err != nil {
		return err
	}
	if err := os.Chdir(inside); err != nil {
		return err
	}
	if err := setUpNetwork(chosen.Address, chosen.Services); err != nil {
		return err
	}
	for _, port := range chosen.Ports {
		// All addresses: pods reach the API server at the node's. Nobody else is in this network.
		listener, err := net.Listen("tcp4", ":"+strconv.Itoa(port))
		if err != nil {
			return err
		}
		path := portSocket(port)
		go forward(listener, func() (net.Conn, error) { return net.Dial("unix", path) })
	}
	// The socket appears under its name when it can be used.
	draft := proxyPath + ".new"
	listener, err := net.Listen("unix", draft)
	if err != nil {
		return err
	}
	go collectOrphans()
	if err := os.Rename(draft, proxyPath); err != nil {
		return err
	}
	return http.Serve(listener, newProxy())
}

// collectOrphans waits for every child: the node's daemons leave theirs to the first process.
func collectOrphans() {
	ended := make(chan os.Signal, 64)
	signal.Notify(ended, syscall.SIGCHLD)
	for range ended {
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
		}
	}
}

type mountStep struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

// mountNode gives the node a file system that reads like the host's and writes nowhere but below the sandbox's folder and into memory:
// fresh /proc, /run and /var/log, a /var/lib whose changes stay in memory, and the kubelet's folder on disk.
func mountNode(folder string) error {
	// The folder may lie below what is about to be covered: it is reached by a handle.
	handle, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer handle.Close()
	own := fmt.Sprintf("/proc/self/fd/%d", handle.Fd())
	steps := []mountStep{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE, ""},
		{"proc", "/proc", "proc", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""},
		{"zakenak", "/run", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=755"},
		{own, inside, "", syscall.MS_BIND | syscall.MS_REC, ""},
		{"zakenak", "/var/log", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=755"},
		{"zakenak", "/var/lib", "overlay", 0, "lowerdir=/var/lib,upperdir=/run/var-lib/upper,workdir=/run/var-lib/work"},
		{inside + "/node/kubelet", "/var/lib/kubelet", "", syscall.MS_BIND, ""},
		// Pods may ask for mounts that travel between the node and their containers.
		{"", "/", "", syscall.MS_REC | syscall.MS_SHARED, ""},
	}
	for _, step := range steps {
		for _, path := range foldersOf(step) {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
		}
		if err := syscall.Mount(step.source, step.target, step.kind, step.flags, step.data); err != nil {
			return fmt.Errorf("mount %s: %w", step.target, err)
		}
	}
	return nil
}

// foldersOf lists what has to be there before a step. Mount points on the host's own file system exist on every Debian and are never made.
func foldersOf(step mountStep) []string {
	switch step.target {
	case inside:
		return []string{inside}
	case "/var/lib":
		return []string{"/run/var-lib/upper", "/run/var-lib/work"}
	case "/var/lib/kubelet":
		return []string{filepath.Join(inside, "node/kubelet"), step.target}
	}
	return nil
}
