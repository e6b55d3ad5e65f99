// Command sandbox-node keeps the real node of zakenak's sandbox in Linux namespaces of its own: processes, mounts, network, host name. The kernel
// ends and removes everything in them when their first process ends, so nothing outlives the sandbox, however it ends, and the
// host's network and mounts are never touched. It needs root. docs/adr/0004 says why.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

// settings is the file that the sandbox's supervisor writes for hold.
type settings struct {
	// Folder is the sandbox's own folder, absolute; the node sees it as /run/zakenak.
	Folder string `json:"folder"`
	// Name is the node's host name.
	Name string `json:"name"`
	// Address is the node's IPv4 address.
	Address string `json:"address"`
	// Services is the range of the services' addresses, in CIDR notation.
	Services string `json:"services"`
	// Ports of the host's 127.0.0.1 that the node reaches at the same number.
	Ports []int `json:"ports"`
}

var commands = map[string]func(args []string) error{
	"hold":   hold,
	"init":   initialize,
	"enter":  enter,
	"become": become,
	"pause":  pause,
}

// init keeps main on the main thread: namespaces and the parent-death signal belong to threads.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: sandbox-node hold SETTINGS | enter PIDFILE PROGRAM [ARGUMENT...] | pause")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "sandbox-node %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func readSettings(args []string) (settings, error) {
	var read settings
	if len(args) != 1 {
		return read, fmt.Errorf("takes the path of its settings")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return read, err
	}
	return read, json.Unmarshal(text, &read)
}
