package geminiapi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

func TestCanonicalURI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, uri, want string }{
		{"as it should be", "https://hooks.example.com/", "https://hooks.example.com/"},
		{"no path", "https://hooks.example.com", "https://hooks.example.com/"},
		{"capitals", "HTTPS://Hooks.Example.COM/Path", "https://hooks.example.com/Path"},
		{"default port", "https://hooks.example.com:443/", "https://hooks.example.com/"},
		{"empty port", "https://hooks.example.com:/", "https://hooks.example.com/"},
		{"other port", "https://hooks.example.com:8443/", "https://hooks.example.com:8443/"},
		{"dot at the end of the host", "https://hooks.example.com./", "https://hooks.example.com/"},
		{"question mark without a query", "https://hooks.example.com/?", "https://hooks.example.com/"},
		{"question mark without path and query", "https://hooks.example.com?", "https://hooks.example.com/"},
		{"query", "https://hooks.example.com/?a=%7e", "https://hooks.example.com/?a=~"},
		{"needless escapes", "https://hooks.example.com/%7Ea%2fb%3d", "https://hooks.example.com/~a%2Fb%3D"},
		{"dot segments", "https://hooks.example.com/a/./b/../c", "https://hooks.example.com/a/c"},
		{"this machine", "http://LOCALHOST:80/", "http://localhost/"},
		{"this machine by number", "http://127.0.0.1:8080", "http://127.0.0.1:8080/"},
		{"IPv6", "https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"},
		{"IPv6 in full", "https://[2001:db8:0:0:0:0:0:1]", "https://[2001:db8::1]/"},
		{"IPv6 of this machine", "http://[0:0:0:0:0:0:0:1]:80", "http://[::1]/"},
		{"punycode in capitals", "https://XN--BCHER-KVA.example", "https://xn--bcher-kva.example/"},
		{"port with a zero before it", "https://hooks.example.com:0443/", "https://hooks.example.com/"},
		{"escapes in another case", "https://hooks.example.com/%c3%BC", "https://hooks.example.com/%C3%BC"},
		{"letters in the path", "https://hooks.example.com/ü", "https://hooks.example.com/%C3%BC"},
		{"letters in the query", "https://hooks.example.com/?ü", "https://hooks.example.com/?%C3%BC"},
		{"dot segments in escapes", "https://hooks.example.com/a/%2E%2e/b", "https://hooks.example.com/b"},
		{"dot segments beyond the root", "https://hooks.example.com/../../a", "https://hooks.example.com/a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := geminiapi.CanonicalURI(test.uri)
			if err != nil || got != test.want {
				t.Errorf("CanonicalURI(%q) = %q, %v, want %q", test.uri, got, err, test.want)
			}
			again, err := geminiapi.CanonicalURI(got)
			if err != nil || again != got {
				t.Errorf("the canonical form is not its own: %q, %v", again, err)
			}
			if !geminiapi.SameURI(test.uri, test.want) {
				t.Errorf("%q is not the same as %q", test.uri, test.want)
			}
		})
	}
}

func TestCanonicalURIRefuses(t *testing.T) {
	t.Parallel()
	for name, uri := range map[string]string{
		"nothing":           "",
		"a path":            "/dynamic/acme",
		"a space":           "https://hooks.example.com/ ",
		"a line feed":       "https://hooks.example.com/\n",
		"a fragment":        "https://hooks.example.com/#here",
		"an empty fragment": "https://hooks.example.com/#",
		"a user name":       "https://me@hooks.example.com/",
		"http":              "http://hooks.example.com/",
		"another scheme":    "ftp://hooks.example.com/",
		"no host":           "https:///path",
		"a port that is no": "https://hooks.example.com:99999/",
		"letters":           "https://bücher.example/",
		"no URL":            "https://%zz/",
		"letters, escaped":  "https://b%C3%BCcher.example/",
		"a dot, escaped":    "https://hooks%2Eexample.com/",
		"a zone":            "https://[fe80::1%25eth0]/",
		"no IPv6 address":   "https://[hooks.example.com]/",
		"two dots":          "https://hooks.example.com../",
		"an empty label":    "https://hooks..example.com/",
		"a hyphen first":    "https://-hooks.example.com/",
		"a long label":      "https://" + strings.Repeat("a", 64) + ".example.com/",
		"a long name":       "https://" + strings.Repeat("a.", 126) + "com/",
		"a user, empty":     "https://@hooks.example.com/",
		"a star":            "https://*.example.com/",
		"port 0":            "https://hooks.example.com:0/",
		"a backslash":       `https://hooks.example.com\@other.example.com/`,
		"a scheme alone":    "https:hooks.example.com",
		"a DEL":             "https://hooks.example.com/\x7f",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := geminiapi.CanonicalURI(uri); !errors.Is(err, geminiapi.ErrInvalid) {
				t.Errorf("CanonicalURI(%q) = %q, %v, want ErrInvalid", uri, got, err)
			}
		})
	}
}

func TestSameURI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://hooks.example.com", "https://Hooks.example.com:443/?", true},
		{"https://hooks.example.com/prefix", "https://hooks.example.com/prefix/", true},
		{"https://hooks.example.com/a", "https://hooks.example.com/A", false},
		{"https://hooks.example.com/?a", "https://hooks.example.com/", false},
		{"https://hooks.example.com:8443/", "https://hooks.example.com/", false},
		{"not a URL", "not a URL", true},
		{"not a URL", "https://hooks.example.com/", false},
	} {
		t.Run(test.a+" and "+test.b, func(t *testing.T) {
			if got := geminiapi.SameURI(test.a, test.b); got != test.want {
				t.Errorf("the same: %t, want %t", got, test.want)
			}
		})
	}
}
