package main

import (
	"encoding/binary"
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
func setUpNetwork(address, services string) error {
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
	if err := routeServices(services, ip); err != nil {
		return fmt.Errorf("route to %s: %w", services, err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

// routeServices gives the node itself, for the API server's calls, a way to service addresses: without a route, packets are refused before
// kube-proxy's rules can turn them to a pod. They bear the node's address, as a pod could not answer 127.0.0.1.
func routeServices(services string, source net.IP) error {
	_, network, err := net.ParseCIDR(services)
	if err != nil {
		return err
	}
	prefix, _ := network.Mask.Size()
	const loopbackIndex = 1
	// struct rtmsg of rtnetlink(7): family, lengths of destination and source, TOS, table, protocol, scope, type, flags.
	body := []byte{syscall.AF_INET, byte(prefix), 0, 0, syscall.RT_TABLE_MAIN, syscall.RTPROT_STATIC, syscall.RT_SCOPE_LINK, syscall.RTN_UNICAST, 0, 0, 0, 0}
	body = appendAttribute(body, syscall.RTA_DST, network.IP.To4())
	body = appendAttribute(body, syscall.RTA_OIF, binary.NativeEndian.AppendUint32(nil, loopbackIndex))
	body = appendAttribute(body, syscall.RTA_PREFSRC, source.To4())
	return requestNetlink(syscall.RTM_NEWROUTE, syscall.NLM_F_CREATE|syscall.NLM_F_EXCL, body)
}

// appendAttribute appends a struct rtattr whose value has a multiple of four bytes.
func appendAttribute(message []byte, kind uint16, value []byte) []byte {
	message = binary.NativeEndian.AppendUint16(message, uint16(syscall.SizeofRtAttr+len(value)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	return append(message, value...)
}

// requestNetlink sends one request and waits for its acknowledgement.
func requestNetlink(kind, flags uint16, body []byte) error {
	socket, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	message := binary.NativeEndian.AppendUint32(nil, uint32(syscall.NLMSG_HDRLEN+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, flags|syscall.NLM_F_REQUEST|syscall.NLM_F_ACK)
	message = append(message, make([]byte, 8)...)
	if err := syscall.Sendto(socket, append(message, body...), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	count, _, err := syscall.Recvfrom(socket, answer, 0)
	if err != nil {
		return err
	}
	parsed, err := syscall.ParseNetlinkMessage(answer[:count])
	if err != nil {
		return err
	}
	for _, one := range parsed {
		if one.Header.Type == syscall.NLMSG_ERROR && len(one.Data) >= 4 {
			if code := int32(binary.NativeEndian.Uint32(one.Data)); code != 0 {
				return syscall.Errno(-code)
			}
		}
	}
	return nil
}

func control(socket int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
