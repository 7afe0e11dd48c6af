package plan

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/promwire/promwire/provisioners/authority"
	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// certificates are the monitor's: the authorities, its own exporters' and Prometheus's certificate, and the renewal of all.
func (v MonitorValues) certificates() []call {
	if !v.TLS.Enabled() {
		return []call{do("remove_unit", authority.RenewTimer)}
	}
	validity, renewBefore := seconds(v.TLS.Validity), seconds(v.TLS.RenewBefore)
	own := append([]string{"own_certificate", v.Host, "DNS:" + v.Host}, alternative(v.Tunnel.Addresses)...)
	return append(group(),
		do(append([]string{"authority", validity, renewBefore}, v.TLS.Authorities...)...),
		do(append(own, "DNS:localhost", "IP:127.0.0.1")...), // people reach Prometheus's own endpoint by a forwarded port
		do("scraper"),
		put(certificate.WebPath, certificate.Mode, certificate.WebConfig()),
		putText("renew", authority.RenewPath, "755", "bash", "-n"),
		unit(authority.SignService, authority.Sign()),
		unit(authority.RenewService, authority.Service(v.receivers(), v.TLS.Authorities)),
		unit(authority.RenewTimer, authority.Timer(v.TLS.RenewBefore)),
		do("reread", authority.SignService),
		do("reread", authority.RenewService),
		do("service", authority.RenewTimer),
	)
}

// receivers are the networks of all hosts that get certificates; none if hosts may be anywhere.
func (v MonitorValues) receivers() []netip.Prefix {
	if v.Direct {
		return nil
	}
	return v.Tunnel.Networks
}

// certificates are the target's: the authorities that it trusts, and its own certificate.
func (v TargetValues) certificates() []call {
	if !v.TLS.Enabled() {
		return nil
	}
	certify := do("certify", v.Host, strconv.FormatInt(v.Certificate.Signed, 10), seconds(v.TLS.RenewBefore))
	certify.input = v.Certificate.PEM
	return append(group(),
		call{words: []string{"trust"}, input: v.Certificate.Authorities},
		certify,
		put(certificate.WebPath, certificate.Mode, certificate.WebConfig()),
	)
}

// receiver takes renewed certificates from the monitor.
func (v TargetValues) receiver() []call {
	if !v.TLS.Enabled() {
		return []call{do("remove_unit", certificate.ReceiveSocket)}
	}
	place := v.place()
	socket := certificate.Receiver{Own: place.Own, Monitor: place.Monitor}.Socket()
	return []call{
		putText("receive", certificate.ReceivePath, "755", "bash", "-n"),
		unit(certificate.ReceiveService, certificate.Service()),
		unit(certificate.ReceiveSocket, socket),
		do("service", certificate.ReceiveSocket),
	}
}

// seconds is a duration as the scripts take it.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(d.Seconds()), 10) }

// web is Prometheus's own endpoint. Its password is made on the host.
func (v MonitorValues) web() []call { return []call{do("web", yesOrNo(v.Web.TLS), v.Web.User)} }

// answers waits until Prometheus is healthy.
func (v MonitorValues) answers() call {
	if v.Web == (prometheus.Web{}) {
		return do("answers", fmt.Sprintf("http://127.0.0.1:%d/-/healthy", prometheus.Port), prometheus.Service)
	}
	return do("web_answers", yesOrNo(v.Web.TLS), prometheus.Service)
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
