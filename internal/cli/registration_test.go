package cli

import (
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// The types of event that are blamed for a refused registration are those that Gemini names or does
// not list.
func TestBlamedEvents(t *testing.T) {
	t.Parallel()
	known := geminiapi.EventTypes()
	for name, test := range map[string]struct{ refusal, events, want string }{
		"named":                     {`"a.old" is not supported`, "batch.failed a.old b.old", "a.old"},
		"not named":                 {"Request contains an invalid argument.", "batch.failed a.old b.old", "a.old b.old"},
		"named among the choices":   {`"a.old" is none of: ` + strings.Join(known, ", "), "batch.failed a.old", "a.old"},
		"one is no longer taken":    {`"batch.failed" is not supported`, "batch.failed batch.expired", "batch.failed"},
		"another thing is refused":  {"The uri is not an https URL.", "batch.failed batch.expired", ""},
		"another, with the choices": {"The uri is bad. Events: " + strings.Join(known, ", "), "batch.failed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(blamed(test.refusal, strings.Fields(test.events), known), " "); got != test.want {
				t.Errorf("blamed are %q, want %q", got, test.want)
			}
		})
	}
}

// Gemini delivers to addresses of the public internet; a stand-in on this machine delivers
// anywhere.
func TestDeliverable(t *testing.T) {
	t.Parallel()
	settings := func(gemini string) *deployment.Settings {
		return deployment.Find(map[string]string{"gemini-url": gemini}, nil, func(string) string { return "" })
	}
	for address, want := range map[string]string{
		"https://Hooks.Example.com:443": "https://hooks.example.com/",
		"https://hooks.example.com/a":   "https://hooks.example.com/a",
		"https://8.8.8.8/":              "https://8.8.8.8/",
		"https://10.0.0.1/":             "",
		"https://localhost/":            "",
		"https://[::1]/":                "",
		"https://gateway/":              "",
		"https://a.localhost/":          "",
		"https://printer.local/":        "",
		"https://db.internal/":          "",
		"https://hooks.test/":           "",
		"https://nas.home.arpa/":        "",
		"https://127.1/":                "",
		"https://0.0.0.0/":              "",
		"https://169.254.169.254/":      "",
		"https://100.64.1.2/":           "",
		"https://[fd00::1]/":            "",
		"https://[::ffff:10.0.0.1]/":    "",
		"https://[2606:4700::1111]/":    "https://[2606:4700::1111]/",
		"https://hooks.example.com/#a":  "",
	} {
		t.Run(address, func(t *testing.T) {
			got, err := deliverable(settings(""), address)
			if got != want || (err == nil) != (want != "") {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		})
	}
	if got, err := deliverable(settings("http://127.0.0.1:8080"), "http://localhost:1/"); err != nil || got == "" {
		t.Errorf("a stand-in's delivery to this machine: %q, %v", got, err)
	}
}
