package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// testCluster is a control plane without nodes: etcd, the API server and the controllers. What a kubelet would say of pods,
// the tests say.
type testCluster struct {
	dir    string
	server string // the API's URL
	parts  []*exec.Cmd
}

// control is the cluster that all tests share.
var control *testCluster

// kubernetesBinary is Kubernetes's components in one binary, as the lab builds it.
func kubernetesBinary() (string, error) {
	path := os.Getenv("PROMWIRE_KUBERNETES")
	if path == "" {
		path = filepath.Join("..", "..", "..", "..", ".lab", "cache", "bin", "kubernetes")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no Kubernetes to test with: %w; build the lab's tools, or name it in PROMWIRE_KUBERNETES", err)
	}
	return filepath.Abs(path)
}

// The users of the cluster, by their tokens.
const (
	adminToken   = "token-of-admin"
	limitedToken = "token-of-limited" // may do nothing until a test binds a role
)

// startCluster starts a control plane on free ports of the loopback interface.
func startCluster(dir string) (*testCluster, error) {
	binary, err := kubernetesBinary()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	c := &testCluster{dir: dir, server: "https://127.0.0.1:" + ports[2]}
	if err := c.writeFiles(); err != nil {
		return nil, err
	}
	etcd, peers := "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	err = c.start(binary, "etcd", "--data-dir="+dir+"/etcd", "--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=default="+peers, "--unsafe-no-fsync")
	if err != nil {
		return c, err
	}
	key := dir + "/accounts.key"
	err = c.start(binary, "kube-apiserver", "--etcd-servers="+etcd, "--bind-address=127.0.0.1", "--secure-port="+ports[2],
		"--cert-dir="+dir+"/certs", "--token-auth-file="+dir+"/tokens.csv", "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+key,
		"--service-account-signing-key-file="+key, "--service-cluster-ip-range=10.96.0.0/24",
		"--disable-admission-plugins=ServiceAccount", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none")
	if err != nil {
		return c, err
	}
	if err := c.answers(); err != nil {
		return c, err
	}
	return c, c.start(binary, "kube-controller-manager", "--kubeconfig="+c.kubeconfig("admin"), "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port="+ports[3], "--cert-dir="+dir+"/certs-of-controllers",
		"--authentication-skip-lookup=true")
}

// freePorts are below those that the kernel gives to connections and to listeners that name none (ip_local_port_range, ip(7)), so that none of
// these takes one before it is used.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range 100 {
		port := strconv.Itoa(20000 + mathrand.IntN(9000))
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		defer listener.Close()
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("find %d free ports: a hundred tries found %d", n, len(ports))
}

// writeFiles writes the users' tokens and kubeconfigs, and the key that signs service accounts' tokens.
func (c *testCluster) writeFiles() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	files := map[string]string{
		"accounts.key": string(block),
		"tokens.csv":   adminToken + ",admin,1,system:masters\n" + limitedToken + ",limited,2\n",
		"admin":        kubeconfigOf(c.server, adminToken),
		"limited":      kubeconfigOf(c.server, limitedToken),
	}
	for name, contents := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(contents), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// kubeconfig is the path of a user's.
func (c *testCluster) kubeconfig(user string) string { return filepath.Join(c.dir, user) }

func kubeconfigOf(server, token string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
current-context: a
`, server, token)
}

// start starts a component, whose messages go to a file.
func (c *testCluster) start(binary string, args ...string) error {
	log, err := os.Create(filepath.Join(c.dir, args[0]+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // not even a crash of the tests leaves it
	if err := cmd.Start(); err != nil {
		return err
	}
	c.parts = append(c.parts, cmd)
	return nil
}

// stop ends the components, the last one first.
func (c *testCluster) stop() {
	for i := range c.parts {
		part := c.parts[len(c.parts)-1-i]
		part.Process.Kill()
		part.Wait()
	}
}

// answers waits until the API is ready.
func (c *testCluster) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client, err := discovery.NewDiscoveryClientForConfig(c.config())
	if err != nil {
		return err
	}
	for {
		_, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, errors.New(c.said("etcd")), errors.New(c.said("kube-apiserver")))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// said is the end of what a component wrote.
func (c *testCluster) said(name string) string {
	text, _ := os.ReadFile(filepath.Join(c.dir, name+".log"))
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return name + ": " + string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

func (c *testCluster) config() *rest.Config {
	return &rest.Config{
		Host: c.server, BearerToken: adminToken, TLSClientConfig: rest.TLSClientConfig{Insecure: true}, QPS: 100, Burst: 100,
	}
}

// api is the cluster as its administrator sees it.
func api(t *testing.T) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(control.config())
	must(t, err)
	return client
}

// eventually looks until something is so.
func eventually(t *testing.T, what string, so func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := so()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v\n%s\n%s", what, err, control.said("kube-apiserver"), control.said("kube-controller-manager"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
