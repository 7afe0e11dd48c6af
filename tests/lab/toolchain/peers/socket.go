package main

import (
	"net"
	"net/netip"

	"golang.zx2c4.com/wireguard/conn"
)

// socket is how an end of the tunnel sends and receives: a UDP socket, and one packet at a time. WireGuard's own takes 128 at a time,
// and has room for them, which for a thousand ends is gigabytes.
type socket struct{ *net.UDPConn }

func (s *socket) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
	if err != nil {
		return nil, 0, err
	}
	s.UDPConn = udp
	receive := func(packets [][]byte, sizes []int, ends []conn.Endpoint) (int, error) {
		n, from, err := udp.ReadFromUDPAddrPort(packets[0])
		if err != nil {
			return 0, err
		}
		sizes[0], ends[0] = n, end{netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}
		return 1, nil
	}
	return []conn.ReceiveFunc{receive}, uint16(udp.LocalAddr().(*net.UDPAddr).Port), nil
}

func (s *socket) Close() error {
	if s.UDPConn == nil { // it is closed before it is opened
		return nil
	}
	return s.UDPConn.Close()
}

func (s *socket) Send(packets [][]byte, to conn.Endpoint) error {
	for _, packet := range packets {
		if _, err := s.WriteToUDPAddrPort(packet, to.(end).AddrPort); err != nil {
			return err
		}
	}
	return nil
}

func (*socket) ParseEndpoint(text string) (conn.Endpoint, error) {
	at, err := netip.ParseAddrPort(text)
	return end{at}, err
}

func (*socket) SetMark(uint32) error { return nil }
func (*socket) BatchSize() int       { return 1 }

// end is where the monitor's tunnel listens.
type end struct{ netip.AddrPort }

func (end) ClearSrc()             {}
func (end) SrcIP() netip.Addr     { return netip.Addr{} }
func (end) SrcToString() string   { return "" }
func (e end) DstIP() netip.Addr   { return e.Addr() }
func (e end) DstToString() string { return e.String() }
func (e end) DstToBytes() []byte {
	bytes, _ := e.MarshalBinary()
	return bytes
}
