package release

// The pinned releases, which stack files can override. Each sum is, the same, in at least two public repositories that
// pin the archive independently of each other and of this one; they are named beside it.
var (
	// NodeExporter: ubicloud/ubicloud, rhizome/common/lib/node_exporter_setup.rb (at ec43e7bc5a41), and
	// thesystem-dev/prometheus-rpm, upstreams.yaml (at 6285863823a3).
	NodeExporter = Release{
		Name:    "node_exporter",
		Version: "1.12.1",
		SHA256: map[string]string{
			"amd64": "b51d8a76aa2a9156a55d501aca6276fae09e262259a5e4e831d2c2222f084e63",
			"arm64": "ad35b605f9954b9f1ffddf5ba054bdc5a98d790b9eae5291e1eeb83f1ecbd0e7",
		},
	}
	// BlackboxExporter: openstack/kolla, kolla/common/sources.py (at 5d77668da), boxcutter/oci,
	// prometheus/blackbox-exporter/docker-bake.hcl (at 22bb846), and thesystem-dev/prometheus-rpm, specs/blackbox_exporter.spec
	// (at 0142efa).
	BlackboxExporter = Release{
		Name:    "blackbox_exporter",
		Version: "0.28.0",
		SHA256: map[string]string{
			"amd64": "caf5d242fb1cf6d5cb678f3f799f22703d4fafea26b03dcbbd7e1f1825e06329",
			"arm64": "63312be0983d85e5109710a7dc93df3051157ae581853fa3655d171cc1b2806e",
		},
	}
	// Prometheus: ncecere/grounded, deploy/observability/scripts/install-promtool.sh (at a3bdc14edddd), and
	// yotamleo/Himmel, scripts/observability/install-grafana.sh (at dbe17f2b779e).
	Prometheus = Release{
		Name:    "prometheus",
		Version: "3.15.0",
		SHA256: map[string]string{
			"amd64": "2a542df32eac02ee17b9d844fb2aa1de00dafa5476579ba8a3ba862e9d572ea0",
			"arm64": "f1f90ec08e849d494ca66c611470afc50192f0355f1a61c33f2cbde02d067823",
		},
	}
	// Alertmanager: openstack/kolla, kolla/common/sources.py (of version 0.31.1), and thesystem-dev/prometheus-rpm,
	// specs/alertmanager.spec (at 0142efa).
	Alertmanager = Release{
		Name:    "alertmanager",
		Version: "0.31.1",
		SHA256: map[string]string{
			"amd64": "35191cbd9d4f8162458b78dd7e93990cccd246044d9a6f788adb1c66ac3ea07b",
			"arm64": "266dda88b64318c27847ef9af4ff450fc178c827550a8039420c5ca8657a4a8b",
		},
	}
	// Pushgateway: boxcutter/boxcutter-chef-cookbooks, cookbooks/boxcutter_prometheus/attributes/default.rb (at 6d599450f917), and
	// zulip/zulip, puppet/zulip/manifests/common.pp (of October 2025).
	Pushgateway = Release{
		Name:    "pushgateway",
		Version: "1.11.1",
		SHA256: map[string]string{
			"amd64": "6ce6ffab84d0d71195036326640295c02165462abd12b8092b0fa93188f5ee37",
			"arm64": "b6dc1c1c46d1137e5eda253f6291247e39330d3065a839857b947e59b4f3e64b",
		},
	}
)
