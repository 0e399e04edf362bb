// Package secret reads secret text from where a reference says it is: Secret Manager, a file, or
// the reference itself.
//
// It reads once per call and keeps nothing; keeping an answer at hand and up to date is the job of
// package fresh.
package secret

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
)

// byteOrderMark is what some editors put before the text of a file.
const byteOrderMark = "\ufeff"

// Text is secret text. No log and no format verb shows it; Reveal returns it.
type Text struct{ text string }

// NewText makes a text secret.
func NewText(text string) Text { return Text{text} }

// Reveal returns the text.
func (t Text) Reveal() string { return t.text }

// String hides the text.
func (Text) String() string { return "[secret]" }

// Format hides the text from every verb; Stringer alone would leave it to %d.
func (t Text) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, t.String()) }

// LogValue hides the text.
func (Text) LogValue() slog.Value { return slog.StringValue("[secret]") }

// A Ref says where a secret text is. The zero Ref is for no text.
type Ref struct {
	version string // a secret version of Secret Manager
	file    string
	literal Text
}

var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^projects/[^/\s]+/secrets/[^/\s]+(/versions/[^/\s]+)?$`)
})

// ParseRef reads a reference: projects/P/secrets/S[/versions/V], a secret of Secret Manager, by
// default its latest version; file:PATH; or the secret text itself. White space and a byte order
// mark around it do not count. Its error does not quote the reference, which may be secret.
func ParseRef(ref string) (Ref, error) {
	trimmed := strings.TrimSpace(strings.TrimPrefix(ref, byteOrderMark))
	if trimmed == "" && ref != "" {
		return Ref{}, errors.New("there is nothing but white space in it")
	}
	ref = trimmed
	path, isFile := strings.CutPrefix(ref, "file:")
	switch {
	case ref != "" && strings.Contains("\"'`", ref[:1]):
		return Ref{}, errors.New("write it without quotes")
	case isFile && path == "":
		return Ref{}, errors.New("file: names no file")
	case isFile:
		return Ref{file: path}, nil
	case strings.HasPrefix(ref, "projects/"):
		return parseSecretName(ref)
	}
	return Ref{literal: Text{ref}}, nil
}

func parseSecretName(name string) (Ref, error) {
	parts := secretName().FindStringSubmatch(name)
	switch {
	case parts == nil:
		return Ref{}, errors.New("a secret of Secret Manager is projects/P/secrets/S or projects/P/secrets/S/versions/V")
	case parts[1] == "":
		name += "/versions/latest"
	}
	return Ref{version: name}, nil
}

// Format writes the place for every verb, and never a literal text. Without it fmt would print the
// fields, and it does not call the methods of an unexported one.
func (r Ref) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, cmp.Or(r.version, r.file, r.literal.String()))
}

// IsZero reports whether the reference is for no text.
func (r Ref) IsZero() bool { return r == Ref{} }

// Literal returns the text where the reference is the text itself.
func (r Ref) Literal() (Text, bool) { return r.literal, r.literal.text != "" }

// InSecretManager reports whether the text is in Secret Manager.
func (r Ref) InSecretManager() bool { return r.version != "" }

// Read returns the text as it is now, decoded as [Decode] does. client is called only for a text in
// Secret Manager. The error names the place and never the text.
func (r Ref) Read(ctx context.Context, client func(context.Context) (*secretmanager.Client, error)) (Text, error) {
	switch {
	case r.version != "":
		return r.access(ctx, client)
	case r.file != "":
		text, err := os.ReadFile(r.file)
		if err != nil {
			return Text{}, fmt.Errorf("read secret file: %w", err)
		}
		return Text{Decode(text)}, nil
	}
	return r.literal, nil
}

func (r Ref) access(ctx context.Context, client func(context.Context) (*secretmanager.Client, error)) (Text, error) {
	manager, err := client(ctx)
	if err != nil {
		return Text{}, fmt.Errorf("open Secret Manager: %w", err)
	}
	response, err := manager.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: r.version})
	if err != nil {
		return Text{}, fmt.Errorf("access %s: %w", r.version, err)
	}
	payload := response.GetPayload()
	if payload == nil {
		return Text{}, fmt.Errorf("access %s: the answer has no payload", r.version)
	}
	// Secret Manager sends a checksum and asks its readers to compare it
	// (SecretPayload.data_crc32c).
	if want := payload.DataCrc32C; want != nil && *want != int64(crc32.Checksum(payload.GetData(), crc32.MakeTable(crc32.Castagnoli))) {
		return Text{}, fmt.Errorf("access %s: the data does not match its checksum", r.version)
	}
	return Text{Decode(payload.GetData())}, nil
}

// Decode returns the text in the bytes of a file or a secret: UTF-8, or UTF-16 behind a byte order
// mark, as PowerShell writes it. The mark is not part of the text.
func Decode(data []byte) string {
	low, high := 0, 1 // which byte of two is which
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		low, high = 1, 0
	default:
		return strings.TrimPrefix(string(data), byteOrderMark)
	}
	var units []uint16
	for rest := data[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, uint16(rest[low])|uint16(rest[high])<<8)
	}
	return string(utf16.Decode(units))
}
