package main

import (
	"os"
	"os/signal"
	"syscall"
)

// pause holds a pod's namespaces open: the program of the sandbox's own pause image. It collects orphans for pods that share their processes.
func pause([]string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go collectOrphans()
	<-stop
	return nil
}
