package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secretMark is the key by which Pulumi's wire format marks special values, here secrets.
const secretMark = "4dabf18193072939515e22adb298388d"

// unknown is Pulumi's wire format of a string that is not known before the run.
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

func TestEveryOperationDialsAndNeverHangsUp(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		inputs := properties{"connection": h.connection(nil), "create": "true", "delete": "true"}
		state, err := p.create(remoteURN, inputs, false)
		must(t, err)
		changed := with(inputs, properties{"stdin": "new"})
		state, err = p.update(remoteURN, state, inputs, changed, false)
		must(t, err)
		must(t, p.remove(remoteURN, state, changed))
		if n := h.dialled.Load(); n != 3 {
			t.Errorf("three operations dialled %d times", n)
		}
		h.await(3)
		p.Stop()
		h.await(0)
	})
}

func TestNoCommandNoConnection(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		inputs := properties{"connection": h.connection(nil)}
		state, err := p.create(remoteURN, inputs, false)
		must(t, err)
		state, err = p.update(remoteURN, state, inputs, with(inputs, properties{"delete": nil, "stdin": "x"}), false)
		must(t, err)
		must(t, p.remove(remoteURN, state, inputs))
		_, err = p.create(remoteURN, with(inputs, properties{"create": "true"}), true)
		must(t, err)
		if n := h.dialled.Load(); n != 0 {
			t.Errorf("dialled %d times", n)
		}
	})
}

func TestDefaults(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		p := start(t, binary)
		connection := properties{"host": "h", "proxy": properties{"host": "p"}}
		got := p.check(remoteURN, properties{"connection": connection}).AsMap()["connection"].(map[string]any)
		if value, ok := got["value"]; ok { // some versions mark the checked connection as secret already
			got = value.(map[string]any)
		}
		for _, e := range []map[string]any{got, got["proxy"].(map[string]any)} {
			if e["user"] != "root" || e["port"] != 22.0 || e["dialErrorLimit"] != 10.0 || e["perDialTimeout"] != 15.0 {
				t.Errorf("defaults are %v", e)
			}
		}
	})
}

func TestHostKeys(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, other, p := serve(t), serve(t), start(t, binary)
		for _, c := range []struct {
			name string
			key  any
			want string // part of the error; empty: none
		}{
			{"none accepts any", nil, ""},
			{"the right one", h.keys["ssh-ed25519"], ""},
			{"the right one of another type", h.keys["ecdsa-sha2-nistp256"], ""},
			{"another host's", other.keys["ssh-ed25519"], "ssh: host key mismatch"},
			{"RSA means SHA-1", h.keys["ssh-rsa"], "no common algorithm for host key"},
			{"no key at all", "nonsense", "failed to parse host key"},
		} {
			t.Run(c.name, func(t *testing.T) {
				_, err := p.create(remoteURN, properties{"create": "true", "connection": h.connection(properties{"hostKey": c.key})}, false)
				expect(t, err, c.want)
			})
		}
	})
}

func TestDialRetries(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		for _, c := range []struct {
			name            string
			limit, refusals int
			want            string // part of the error; empty: none
			dialled         int32
		}{
			{"limit 0 is one try", 0, 1, "after 0 failed attempts: ssh: handshake failed", 1},
			{"limit 2 is three tries", 2, 9, "after 2 failed attempts: ssh: handshake failed", 3},
			{"the third succeeds", 2, 2, "", 3},
			{"no limit", -1, 3, "", 4},
		} {
			t.Run(c.name, func(t *testing.T) {
				h, p := serve(t), start(t, binary)
				h.refusals.Store(int32(c.refusals))
				_, err := p.create(remoteURN, properties{"create": "true", "connection": h.connection(properties{"dialErrorLimit": c.limit})}, false)
				expect(t, err, c.want)
				if n := h.dialled.Load(); n != c.dialled {
					t.Errorf("dialled %d times, want %d", n, c.dialled)
				}
				if want := int(c.dialled - 1); p.Logged("failed: retrying") != want {
					t.Errorf("logged %d retries, want %d: %q", p.Logged("failed: retrying"), want, p.Log())
				}
			})
		}
	})
}

func TestBastion(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, bastion, p := serve(t), serve(t), start(t, binary)
		proxy := bastion.connection(properties{"hostKey": bastion.keys["ssh-ed25519"]})
		connection := h.connection(properties{"hostKey": h.keys["ssh-ed25519"], "proxy": proxy})
		_, err := p.create(remoteURN, properties{"create": "true", "connection": connection}, false)
		must(t, err)
		if h.ran() != "true" || bastion.ran() != "" {
			t.Errorf("the host ran %q, the bastion %q", h.ran(), bastion.ran())
		}
		wrong := h.connection(properties{"proxy": with(proxy, properties{"hostKey": h.keys["ssh-ed25519"]})})
		_, err = p.create(remoteURN, properties{"create": "true", "connection": wrong}, false)
		expect(t, err, "proxy: after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch")
	})
}

func TestWhatAChangeDoes(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		inputs := properties{
			"create": "echo create", "delete": "true", "stdin": "a", "triggers": []any{"host 1"}, "connection": h.connection(nil),
		}
		state, err := p.create(remoteURN, inputs, false)
		must(t, err)
		for _, c := range []struct {
			name, want, ran string // ran: by an update
			change          properties
		}{
			{"nothing", "nothing", "", nil},
			{"stdin", "update", "echo create", properties{"stdin": "b"}},
			{"create", "update", "echo other", properties{"create": "echo other"}},
			{"update comes first", "update", "echo update", properties{"update": "echo update"}},
			{"delete", "update", "echo create", properties{"delete": "false"}},
			{"logging", "update", "echo create", properties{"logging": "none"}},
			{"connection", "update", "echo create", properties{"connection": h.connection(properties{"perDialTimeout": 7})}},
			// The plugin calls it an update; Pulumi's SDKs make it a replacement, by replaceOnChanges of triggers[*].
			{"a trigger", "update", "", properties{"triggers": []any{"host 2"}}},
			{"no triggers any more", "replace", "", properties{"triggers": nil}},
		} {
			t.Run(c.name, func(t *testing.T) {
				changed := with(inputs, c.change)
				if got := p.diff(remoteURN, state, inputs, changed); got != c.want {
					t.Errorf("makes %q, want %q", got, c.want)
				}
				if c.ran == "" {
					return
				}
				got, err := p.update(remoteURN, state, inputs, changed, false)
				must(t, err)
				if want := strings.TrimPrefix(c.ran, "echo "); got["stdout"] != want || !strings.HasSuffix(h.ran(), c.ran) {
					t.Errorf("printed %q, want %q; ran %s", got["stdout"], want, h.ran())
				}
			})
		}
	})
}

// A preview of an update shows the output of the run before, as if it stayed: what depends on it seems unchanged.
func TestOutputsInPreview(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		inputs := properties{"create": "echo x", "connection": h.connection(nil)}
		preview, err := p.create(remoteURN, inputs, true)
		must(t, err)
		if preview["stdout"] != unknown {
			t.Errorf("before create, stdout is %v", preview["stdout"])
		}
		state, err := p.create(remoteURN, inputs, false)
		must(t, err)
		preview, err = p.update(remoteURN, state, inputs, with(inputs, properties{"stdin": "b"}), true)
		must(t, err)
		if preview["stdout"] != "x" {
			t.Errorf("before update, stdout is %v, want that of create", preview["stdout"])
		}
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		inputs := properties{"create": "true", "delete": "echo gone", "connection": h.connection(nil)}
		state, err := p.create(remoteURN, inputs, false)
		must(t, err)
		must(t, p.remove(remoteURN, state, inputs))
		if h.ran() != "true, echo gone" {
			t.Errorf("ran %s", h.ran())
		}
		failing := with(inputs, properties{"delete": "echo stays; exit 3"})
		state, err = p.create(remoteURN, failing, false)
		must(t, err)
		expect(t, p.remove(remoteURN, state, failing), "Process exited with status 3", "stays")
	})
}

func TestFailureShowsAll(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		_, err := p.create(remoteURN, properties{"create": "echo out; echo err >&2; exit 4", "connection": h.connection(nil)}, false)
		expect(t, err, `Process exited with status 4: running "echo out; echo err >&2; exit 4":`, "out\n", "err\n")
	})
}

func TestOutputs(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		got, err := p.create(remoteURN, properties{
			"create": `cat; printf 'e\n\n' >&2`, "stdin": "a secret?\n\n", "connection": h.connection(nil),
		}, false)
		must(t, err)
		if got["stdout"] != "a secret?\n" || got["stderr"] != "e\n" {
			t.Errorf("stdout %q, stderr %q: one newline goes, no more", got["stdout"], got["stderr"])
		}
		if connection := got["connection"].(map[string]any); connection[secretMark] == nil {
			t.Errorf("the connection is not secret")
		}
		if got["stdin"] != "a secret?\n\n" {
			t.Errorf("stdin is %v, want it in clear text", got["stdin"])
		}
	})
}

func TestEnvironmentNeedsAcceptEnv(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		h.acceptEnv = "GOOD"
		inputs := properties{"create": "echo $GOOD", "connection": h.connection(nil)}
		got, err := p.create(remoteURN, with(inputs, properties{"environment": map[string]any{"GOOD": "yes"}}), false)
		must(t, err)
		if got["stdout"] != "yes" {
			t.Errorf("the variable is %q", got["stdout"])
		}
		_, err = p.create(remoteURN, with(inputs, properties{"environment": map[string]any{"BAD": "yes"}}), false)
		expect(t, err, `could not set environment variable "BAD"`)
	})
}

func TestPreviousOutputIsOnAndWarns(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		inputs := properties{"create": "echo once", "connection": h.connection(nil)}
		state, err := p.create(remoteURN, inputs, false)
		must(t, err)
		_, err = p.update(remoteURN, state, inputs, with(inputs, properties{"stdin": "b", "addPreviousOutputInEnv": false}), false)
		must(t, err)
		if p.Logged("warning: ") != 0 {
			t.Errorf("warned though it was off: %q", p.Log())
		}
		_, err = p.update(remoteURN, state, inputs, with(inputs, properties{"stdin": "b"}), false)
		must(t, err)
		if p.Logged("warning: Unable to set 'PULUMI_COMMAND_STDOUT'") != 1 {
			t.Errorf("did not warn once: %q", p.Log())
		}
		h.acceptEnv = "PULUMI_COMMAND_STDOUT"
		got, err := p.update(remoteURN, state, inputs, with(inputs, properties{"create": "echo $PULUMI_COMMAND_STDOUT again"}), false)
		must(t, err)
		if got["stdout"] != "once again" {
			t.Errorf("the previous output is %q", got["stdout"])
		}
	})
}

func TestDeadAgentFailsEverything(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		dead := filepath.Join(t.TempDir(), "agent")
		h, p := serve(t), start(t, binary, "SSH_AUTH_SOCK="+dead)
		_, err := p.create(remoteURN, properties{"create": "true", "connection": h.connection(nil)}, false)
		expect(t, err, "dial unix "+dead)
		if n := h.dialled.Load(); n != 0 {
			t.Errorf("dialled %d times", n)
		}
	})
}

func TestLongLogLineHangs(t *testing.T) {
	const long = `head -c 65536 /dev/zero | tr '\0' x; echo`
	each(t, func(t *testing.T, binary string) {
		h, p := serve(t), start(t, binary)
		inputs := properties{"create": long, "connection": h.connection(nil)}
		got, err := p.create(remoteURN, with(inputs, properties{"logging": "none"}), false)
		must(t, err)
		if len(got["stdout"].(string)) != 65536 {
			t.Errorf("without logging, stdout has %d bytes", len(got["stdout"].(string)))
		}
		<-h.done

		ended := make(chan error, 1)
		go func() {
			_, err := p.create(remoteURN, inputs, false)
			ended <- err
		}()
		<-h.done // the command has ended and all its output is sent, but the plugin does not notice
		select {
		case err := <-ended:
			t.Errorf("ended: %v", err)
		case <-time.After(time.Second): // what never comes can't be waited for; a second is long for what takes milliseconds
			p.Stop()
			if err := <-ended; err == nil {
				t.Error("a command of a plugin that was killed is said to have succeeded")
			}
		}
	})
}

// expect wants an error that contains each text, or none when the first is empty.
func expect(t *testing.T, err error, texts ...string) {
	t.Helper()
	if texts[0] == "" {
		must(t, err)
		return
	}
	if err == nil {
		t.Errorf("succeeded, want an error with %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error is %q, want %q in it", err, text)
		}
	}
}
