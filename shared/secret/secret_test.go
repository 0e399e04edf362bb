package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/webhook"
)

const hunter2 = "hunter2hunter2"

// wantHidden wants no text to hold hunter2 in any form that fmt could give it.
func wantHidden(t *testing.T, what, text string) {
	t.Helper()
	for _, form := range []string{hunter2, "68756e746572", "68 75 6e", "104 117 110"} {
		if strings.Contains(strings.ToLower(text), form) {
			t.Errorf("%s shows the secret", what)
		}
	}
}

func TestSecretTextHidesItself(t *testing.T) {
	t.Parallel()
	text := secret.NewText(hunter2)
	ref := parse(t, hunter2)
	for name, value := range map[string]any{
		"a text":                text,
		"a pointer":             &text,
		"a list":                []secret.Text{text},
		"a field":               struct{ Text secret.Text }{text},
		"a reference":           ref,
		"a pointer to one":      &ref,
		"a field of references": struct{ Ref secret.Ref }{ref},
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%c", "%U"} {
				wantHidden(t, verb, fmt.Sprintf(verb, value))
			}
			var logged bytes.Buffer
			slog.New(slog.NewTextHandler(&logged, nil)).Info("secret", "value", value)
			slog.New(slog.NewJSONHandler(&logged, nil)).Info("secret", "value", value)
			wantHidden(t, "a log", logged.String())
		})
	}
	if got := fmt.Sprint(text); got != "[secret]" || text.String() != got || text.LogValue().String() != got {
		t.Errorf("a text shows itself as %q", got)
	}
	if text.Reveal() != hunter2 {
		t.Error("Reveal does not return the text")
	}
}

func TestReferencesShowTheirPlace(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]string{
		"projects/p/secrets/s": "projects/p/secrets/s/versions/latest",
		"file:/run/secret":     "/run/secret",
		hunter2:                "[secret]",
	} {
		t.Run(ref, func(t *testing.T) {
			if got := fmt.Sprint(parse(t, ref)); got != want {
				t.Errorf("the reference shows itself as %q, want %q", got, want)
			}
		})
	}
}

func parse(t *testing.T, text string) secret.Ref {
	t.Helper()
	ref, err := secret.ParseRef(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestParseRefDistinguishesThreeForms(t *testing.T) {
	t.Parallel()
	const (
		manager = "a secret of Secret Manager is projects/P/secrets/S or projects/P/secrets/S/versions/V"
		file    = "file: names no file"
	)
	tests := []struct {
		name, ref string
		manager   bool   // in Secret Manager
		literal   string // the text itself
		want      string // error
	}{
		{name: "secret", ref: "projects/p/secrets/s", manager: true},
		{name: "version", ref: "projects/p/secrets/s/versions/7", manager: true},
		{name: "alias of a version", ref: "projects/p/secrets/s/versions/prod", manager: true},
		{name: "project number", ref: "projects/481516234200/secrets/s", manager: true},
		{name: "file", ref: "file:/run/secret"},
		{name: "relative file", ref: "file:secret with spaces.txt"},
		{name: "literal", ref: "whsec_aGk= whsec_aGk=", literal: "whsec_aGk= whsec_aGk="},
		{name: "literal that looks like a path", ref: "/run/secret", literal: "/run/secret"},
		{name: "literal with another prefix", ref: "File:/run/secret", literal: "File:/run/secret"},
		{name: "file without a path", ref: "file:", want: file},
		{name: "project only", ref: "projects/" + hunter2, want: manager},
		{name: "no secret", ref: "projects/" + hunter2 + "/secrets/", want: manager},
		{name: "no project", ref: "projects//secrets/" + hunter2, want: manager},
		{name: "no version", ref: "projects/p/secrets/" + hunter2 + "/versions/", want: manager},
		{name: "more than a version", ref: "projects/p/secrets/" + hunter2 + "/versions/1/x", want: manager},
		{name: "regional secret", ref: "projects/p/locations/l/secrets/" + hunter2, want: manager},
		{name: "space inside", ref: "projects/p/secrets/s " + hunter2, want: manager},
		{name: "white space around", ref: " projects/p/secrets/s\n", manager: true},
		{name: "byte order mark before", ref: "\ufeffprojects/p/secrets/s", manager: true},
		{name: "white space around a literal", ref: "\twhsec_aGk=\r\n", literal: "whsec_aGk="},
		{name: "white space only", ref: " \n", want: "there is nothing but white space in it"},
		{name: "in quotes", ref: `"projects/p/secrets/` + hunter2 + `"`, want: "write it without quotes"},
		{name: "in single quotes after a space", ref: " 'file:" + hunter2 + "'", want: "write it without quotes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ref, err := secret.ParseRef(test.ref)
			if test.want != "" {
				if err == nil || err.Error() != test.want || !ref.IsZero() {
					t.Errorf("error %v, want %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			literal, is := ref.Literal()
			if ref.IsZero() || ref.InSecretManager() != test.manager || literal.Reveal() != test.literal || is != (test.literal != "") {
				t.Errorf("in Secret Manager %t, literal %t", ref.InSecretManager(), is)
			}
		})
	}
}

func TestZeroRef(t *testing.T) {
	t.Parallel()
	for _, ref := range []secret.Ref{{}, parse(t, "")} {
		if _, is := ref.Literal(); !ref.IsZero() || ref.InSecretManager() || is {
			t.Error("the zero reference is for a text")
		}
	}
}

func TestReadOfALiteralIsTheLiteral(t *testing.T) {
	t.Parallel()
	text, err := parse(t, hunter2).Read(t.Context(), noClient(t))
	if err != nil || text.Reveal() != hunter2 {
		t.Errorf("another text, or %v", err)
	}
}

func TestReadOfAFileIsTheFileAsItIsNow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets")
	ref := parse(t, "file:"+path)
	const signing = "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVu"
	for _, content := range []string{signing + "\n", signing + "\r\n\t" + signing + "\n\n", ""} {
		if err := os.WriteFile(path, []byte("\ufeff"+content), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := ref.Read(t.Context(), noClient(t))
		if err != nil || text.Reveal() != content {
			t.Fatalf("another text, or %v", err)
		}
		// The newline that editors end a file with does no harm.
		secrets, err := webhook.ParseSecrets(text.Reveal())
		if want := strings.Count(content, "whsec_"); err != nil || len(secrets) != want {
			t.Errorf("%d secrets, %v; want %d", len(secrets), err, want)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ data, want string }{
		"nothing":            {"", ""},
		"UTF-8":              {"größe\r\n", "größe\r\n"},
		"UTF-8 with a mark":  {"\xef\xbb\xbfone", "one"},
		"UTF-16":             {"\xff\xfeo\x00\xf6\x00", "oö"},
		"UTF-16, big-endian": {"\xfe\xff\x00o\x00\xf6", "oö"},
		"cut off":            {"\xff\xfeo\x00n", "o"},
		"a mark alone":       {"\xff\xfe", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := secret.Decode([]byte(test.data)); got != test.want {
				t.Errorf("Decode = %q, want %q", got, test.want)
			}
		})
	}
}

func TestReadOfAMissingFileNamesIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing")
	text, err := parse(t, "file:"+path).Read(t.Context(), noClient(t))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) || text != (secret.Text{}) {
		t.Errorf("error %v", err)
	}
}
