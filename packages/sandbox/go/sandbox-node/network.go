package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// addressRequest is struct ifreq of netdevice(7) with a sockaddr_in.
type addressRequest struct {
	name    [16]byte
	family  uint16
	port    uint16
	address [4]byte
	rest    [16]byte
}

// flagsRequest is struct ifreq of netdevice(7) with ifr_flags.
type flagsRequest struct {
	name  [16]byte
	flags uint16
	rest  [22]byte
}

// setUpNetwork raises the loopback device, gives it the node's address beside 127.0.0.1 (the kubelet refuses to go by a loopback address), and
// lets packets travel between pods, each of which has a link of its own.
func setUpNetwork(address string) error {
	ip := net.ParseIP(address).To4()
	if ip == nil {
		return fmt.Errorf("%q is no IPv4 address", address)
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	up := flagsRequest{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(up.name[:], "lo")
	if err := control(socket, syscall.SIOCSIFFLAGS, unsafe.Pointer(&up)); err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	for _, set := range []struct {
		request uintptr
		value   net.IP
	}{{syscall.SIOCSIFADDR, ip}, {syscall.SIOCSIFNETMASK, net.IPv4bcast.To4()}} {
		request := addressRequest{family: syscall.AF_INET}
		copy(request.name[:], "lo:1")
		copy(request.address[:], set.value)
		if err := control(socket, set.request, unsafe.Pointer(&request)); err != nil {
			return fmt.Errorf("address %s: %w", address, err)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

func control(socket int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
