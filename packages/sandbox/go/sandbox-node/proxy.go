package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"sync"
	"time"
)

// forward joins every connection that the listener accepts to one that dial makes.
func forward(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of files, mostly: connections that end give some back.
			time.Sleep(50 * time.Millisecond)
			continue
		}
		go func() {
			server, err := dial()
			if err != nil {
				fmt.Fprintln(os.Stderr, "forward:", err)
				client.Close()
				return
			}
			join(client, client, server)
		}()
	}
}

// join copies both ways until both are done; the end of one direction is passed on, as HTTP over half-closed connections needs it.
func join(client net.Conn, fromClient io.Reader, server net.Conn) {
	var both sync.WaitGroup
	both.Add(2)
	copyOne := func(to net.Conn, from io.Reader) {
		defer both.Done()
		if _, err := io.Copy(to, from); err != nil {
			client.Close()
			server.Close()
			return
		}
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}
	go copyOne(server, fromClient)
	go copyOne(client, server)
	both.Wait()
	client.Close()
	server.Close()
}

// newProxy serves the node's network: CONNECT for the API server's way to kubelets, webhooks and aggregated APIs, an absolute address (plain
// HTTP) for the sandbox's probes, and 200 for its own.
func newProxy() http.Handler {
	plain := &httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {},
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorHandler: func(answer http.ResponseWriter, _ *http.Request, err error) {
			http.Error(answer, err.Error(), http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		switch {
		case request.Method == http.MethodConnect:
			connect(answer, request)
		case request.URL.IsAbs():
			plain.ServeHTTP(answer, request)
		default:
			io.WriteString(answer, "ok\n")
		}
	})
}

func connect(answer http.ResponseWriter, request *http.Request) {
	server, err := net.DialTimeout("tcp", request.Host, 10*time.Second)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	client, buffered, err := http.NewResponseController(answer).Hijack()
	if err != nil {
		server.Close()
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	join(client, buffered, server)
}
