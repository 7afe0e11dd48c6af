package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// gap stands for the variable parts of a message: a name, a number, what a tool said.
const gap = "…"

// goMessages are the Go files whose errors people see. Errors in a stack file are not among them: each says what to write.
var goMessages = []string{
	"components/cluster/preflight/preflight.go", "components/cluster/preflight/rights.go", "components/cluster/preflight/nodes.go", "components/cluster/pushgateway/kept.go",
	"components/record/record.go", "components/monitor/keys.go", "components/remote/former.go", "components/remote/ssh.go", "stacks/ledger/ledger.go", "components/cloud/digitalocean/names.go", "components/cloud/digitalocean/account.go", "stacks/run.go", "stacks/protect.go", "components/record/protected.go",
	"stacks/settings/key.go", "stacks/settings/load.go",
}

// failing are the shell functions that end a script with a message, or say what is wrong with a host, and how many of their arguments
// come before it.
var failing = map[string]int{"fail": 0, "die": 0, "refuse": 1, "fail_unit": 1, "drifts": 1}

var (
	// reasons are the shell functions that print why something failed.
	reasons = regexp.MustCompile(`cause$|^(refused|not_trusted|certificate_error|look|skewed|authorities|fault)$`)
	// whole is a message that is printed without any wrapper.
	whole = regexp.MustCompile(`^promwire: [^:]+: [^:]+: `)
	// wrapper is a message that only introduces a reason.
	wrapper = regexp.MustCompile(`^(\w+: )?` + gap + `$`)
	verb    = regexp.MustCompile(`%[-+#]?[a-zA-Z]`)
	gaps    = regexp.MustCompile(gap + `[` + gap + ` ]*` + gap)
	endings = regexp.MustCompile(`;|:?\n|:$|\. `)
)

// key is a message as docs/troubleshooting.md has it: up to where it says what to do.
func key(message string) string {
	message = gaps.ReplaceAllString(verb.ReplaceAllString(message, gap), gap)
	if end := endings.FindStringIndex(message); end != nil {
		message = message[:end[0]]
	}
	return strings.Trim(strings.Join(strings.Fields(message), " "), "\"")
}

// shellKeys are the keys of a script's messages.
func shellKeys(t *testing.T, p string) []string {
	t.Helper()
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text(t, p)), p)
	if err != nil {
		t.Fatal(err)
	}
	return keysOf(file)
}

func keysOf(script *syntax.File) []string {
	var keys []string
	syntax.Walk(script, func(node syntax.Node) bool {
		if function, ok := node.(*syntax.FuncDecl); ok {
			keys = append(keys, functionKeys(function)...)
		}
		return true
	})
	return keys
}

// functionKeys are those of one function.
func functionKeys(function *syntax.FuncDecl) []string {
	var keys []string
	syntax.Walk(function.Body, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		words := make([]string, len(call.Args))
		for i, word := range call.Args {
			words[i] = spoken(word.Parts)
		}
		said := strings.Join(words[1:], " ")
		if words[0] == "printf" && len(words) > 1 {
			said = words[1]
		}
		before, fails := failing[words[0]]
		prints := words[0] == "echo" || words[0] == "printf"
		switch {
		case fails:
			said = strings.Join(words[min(1+before, len(words)):], " ")
		case prints && whole.MatchString(said):
			said = whole.ReplaceAllString(said, "")
		case !prints || !reasons.MatchString(function.Name.Value):
			return true
		}
		said = strings.ReplaceAll(said, `\n`, "\n")
		if k := key(said); k != gap && !wrapper.MatchString(gaps.ReplaceAllString(said, gap)) {
			keys = append(keys, k)
		}
		return true
	})
	return keys
}

// spoken is a word as it is in the script, with gaps for its variable parts.
func spoken(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(part.Value, `\"`, `"`))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			b.WriteString(spoken(part.Parts))
		default:
			b.WriteString(gap)
		}
	}
	return b.String()
}

// goKeys are the keys of the errors that a Go file makes.
func goKeys(t *testing.T, p string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), p, text(t, p), 0)
	if err != nil {
		t.Fatal(err)
	}
	// The number is the argument that has the message.
	makers := map[string]int{"fmt.Errorf": 0, "errors.New": 0, "problems.Add": 1}
	var keys []string
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		if at, makes := makers[callee(call)]; makes && at < len(call.Args) {
			if said := constant(call.Args[at]); !wrapper.MatchString(verb.ReplaceAllString(said, gap)) {
				keys = append(keys, key(said))
			}
		}
		return true
	})
	return keys
}

func callee(call *ast.CallExpr) string {
	if f, ok := call.Fun.(*ast.SelectorExpr); ok {
		if of, ok := f.X.(*ast.Ident); ok {
			return of.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// constant is a text in the source, with gaps for what is not constant.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
	case *ast.BinaryExpr:
		return constant(e.X) + constant(e.Y)
	}
	return gap
}

// row is a message's row in docs/troubleshooting.md.
var row = regexp.MustCompile("(?m)^\\| (?:`([^`]+)`|``(.+?)``) \\| .+ \\| .+ \\|$")

// TestMessages: docs/troubleshooting.md explains every message, and none that does not exist.
func TestMessages(t *testing.T) {
	const page = "docs/troubleshooting.md"
	scripts, err := files(func(p string, _ fs.DirEntry) bool { return path.Ext(p) == ".sh" && under(p, "provisioners") })
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]string{} // key -> file
	for _, p := range scripts {
		for _, k := range shellKeys(t, p) {
			from[k] = p
		}
	}
	for _, p := range goMessages {
		for _, k := range goKeys(t, p) {
			from[k] = p
		}
	}
	if len(from) < 50 {
		t.Errorf("only %d messages found; this test misses some", len(from))
	}
	explained := map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(text(t, page), -1) {
		message := match[1] + match[2]
		explained[message] = true
		if _, there := from[message]; !there {
			t.Errorf("%s explains %q, which no code says", page, message)
		}
	}
	for k, p := range from {
		if !explained[k] {
			t.Errorf("%s says %q; add to %s the row\n| `%s` | what it means | what to do |", p, k, page, k)
		}
	}
}

// TestKeys makes sure that the check above finds messages wherever scripts have them.
func TestKeys(t *testing.T) {
	const script = `
a() { [ -e "$1" ] || fail "$1 is gone ($(date)); make it"; }
b() { fail_unit "$unit" "does not start"; refuse "$file" "it is $(who)'s: no"; }
c() { say 'no message'; echo 'nor this'; die "after $n s:"$'\n'"$(list)"; fail "$*"; }
some_cause() { case $1 in 0) echo "x: no answer; see y" ;; 1) echo "x: $(refused)" ;; esac; printf 'it answers at %s, but ' "$2"; }
d() { printf 'promwire: %s: %s: not yet; go on\n' "$1" "$2"; }
`
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		t.Fatal(err)
	}
	got := keysOf(file)
	want := []string{"… is gone (…)", "does not start", "it is …'s: no", "after … s", "x: no answer", "it answers at …, but", "not yet"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q,\nwant %q", got, want)
	}
}
