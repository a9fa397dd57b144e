// The echo server in Go, as its documentation has one write it: a goroutine for
// each connection. (TCP_NODELAY is what package net sets by itself.)
//
//	echo_go PORT [large]
package main

import (
	"fmt"
	"net"
	"os"
)

func echo(connection net.Conn, size int) {
	defer connection.Close()
	buffer := make([]byte, size)
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func main() {
	size := 4096
	if len(os.Args) == 3 && os.Args[2] == "large" {
		size = 65536
	} else if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: echo_go PORT [large]")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fail(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go echo(connection, size)
	}
}
