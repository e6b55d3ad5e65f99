package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

// Names below the sandbox's folder.
const (
	pidFile    = "node/init.pid"
	proxyPath  = "node/node.sock"
	portFolder = "node/ports"
)

func portSocket(port int) string { return filepath.Join(portFolder, strconv.Itoa(port)) }

// hold makes the namespaces and stays outside of them, where it carries the node's connections to the host's loopback ports. SIGTERM ends the
// node: hold returns when every process in it is gone. Should hold be killed, the kernel kills the node.
func hold(args []string) error {
	chosen, err := readSettings(args)
	if err != nil {
		return err
	}
	// Relative paths: a socket's may have 107 bytes.
	if err := os.Chdir(chosen.Folder); err != nil {
		return err
	}
	if err := os.MkdirAll(portFolder, 0o700); err != nil {
		return err
	}
	for _, port := range chosen.Ports {
		listener, err := net.Listen("unix", portSocket(port))
		if err != nil {
			return err
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		go forward(listener, func() (net.Conn, error) { return net.Dial("tcp", address) })
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	first := exec.Command("/proc/self/exe", "init", args[0])
	first.Stdout, first.Stderr = os.Stdout, os.Stderr
	first.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := first.Start(); err != nil {
		return fmt.Errorf("namespaces: %w", err)
	}
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(first.Process.Pid)), 0o600); err != nil {
		return err
	}
	stopped := make(chan struct{})
	go func() {
		<-stop
		close(stopped)
		first.Process.Kill()
	}()
	// The first process of a namespace is gone only when all others are.
	err = first.Wait()
	select {
	case <-stopped:
		return nil
	default:
		return fmt.Errorf("the node's first process ended: %v", err)
	}
}
