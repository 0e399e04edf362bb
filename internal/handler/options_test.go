package handler_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/handler"
)

func TestURLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"3000":                       "http://localhost:3000/",
		":3000/hook":                 "http://localhost:3000/hook",
		"localhost:3000/hook?a=b":    "http://localhost:3000/hook?a=b",
		"app.test":                   "http://app.test/",
		"https://[::1]:8443/":        "https://[::1]:8443/",
		" http://127.0.0.1:1/a%2Fb ": "http://127.0.0.1:1/a%2Fb",

		"":                         "",
		"ftp://localhost/":         "",
		"http://":                  "",
		"http:///hook":             "",
		"http://me:secret@here/":   "",
		"http://localhost/#part":   "",
		"http://localhost:0/":      "",
		"http://localhost:65536/":  "",
		"http://localhost:port/":   "",
		"http://local host:3000/":  "",
		"http://localhost:3000/%z": "",
	} {
		got, err := handler.ParseURL(text)
		switch {
		case want == "" && !errors.Is(err, handler.ErrBadOptions):
			t.Errorf("%q is read as %v, %v; want it refused", text, got, err)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%q is read as %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestOptionsThatDoNotGoTogether(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]handler.Options{
		"another form":             {URL: "3000", Form: "soap"},
		"no secret to sign with":   {URL: "3000", Form: handler.Gemini},
		"a negative timeout":       {URL: "3000", Timeout: -time.Second},
		"a host that is a URL":     {URL: "3000", Host: "http://app.test/"},
		"insecure without TLS":     {URL: "3000", Insecure: true},
		"insecure, on another one": {URL: "https://192.0.2.1/", Insecure: true},
	} {
		if _, err := handler.New(options); !errors.Is(err, handler.ErrBadOptions) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}

func TestTheLocalSecretStaysTheSame(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), ".gemhook")
	secrets := make([]string, 8)
	var together sync.WaitGroup
	for i := range secrets {
		together.Go(func() {
			secret, err := handler.LoadSecret(folder, rand.Reader)
			if err != nil {
				t.Errorf("load: %v", err)
			}
			secrets[i] = secret
		})
	}
	together.Wait()
	for _, secret := range secrets {
		if secret != secrets[0] || secret == "" {
			t.Fatal("not all have got the same secret")
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 2 { // and .gitignore
		t.Errorf("the folder has %v, %v", files, err)
	}
	info, err := os.Stat(filepath.Join(folder, handler.SecretFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v; want it readable by its owner alone", info.Mode(), err)
	}
}

func TestALocalSecretThatIsNone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, handler.SecretFile), []byte("whsec_c2hvcnQ="), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := handler.LoadSecret(folder, rand.Reader); err == nil || bytes.Contains([]byte(err.Error()), []byte("c2hvcnQ")) {
		t.Errorf("error %v, want one that does not quote the secret", err)
	}
}
