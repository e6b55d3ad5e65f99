//go:build !linux

package main

import (
	"os"
	"time"
)

// dieWithParent watches the parent, as no kernel signal tells of its end here. It does not survive an exec.
func dieWithParent(parent int) {
	go func() {
		for os.Getppid() == parent {
			time.Sleep(500 * time.Millisecond)
		}
		os.Exit(1)
	}()
}
