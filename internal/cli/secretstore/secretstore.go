// Package secretstore changes the text of a secret where the receiver reads it: a new version in Secret Manager, or a file
// put in the place of the old one. Either way a reader sees the old text or the new one, never a part.
package secretstore

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/secret"
)

var (
	// ErrEmpty is returned for a secret that has no version, or a file that does not exist.
	ErrEmpty = errors.New("nothing is stored yet")
	// ErrNotStorable is returned by Open for a place that holds one text for ever.
	ErrNotStorable = errors.New("a secret cannot be stored there")
	// ErrNotPermitted is returned by CheckWritable.
	ErrNotPermitted = errors.New("not permitted")
)

// A Store is one place of a secret. It is safe for concurrent use, but two writers at a time can undo each other.
type Store struct {
	ref    secret.Ref
	name   string // projects/P/secrets/S; empty for a file
	file   string
	client func(context.Context) (*secretmanager.Client, error)
}

// Open returns the store behind a reference as [secret.ParseRef] reads it. It fails with ErrNotStorable for a literal text
// and for a pinned version, which the receiver would go on reading. client is called when Secret Manager is first needed.
func Open(ref string, client func(context.Context) (*secretmanager.Client, error)) (*Store, error) {
	parsed, err := secret.ParseRef(ref)
	if err != nil {
		return nil, err
	}
	s := &Store{ref: parsed, client: client}
	if _, literal := parsed.Literal(); literal || parsed.IsZero() {
		return nil, fmt.Errorf("%w: it is the text itself", ErrNotStorable)
	}
	if file, isFile := strings.CutPrefix(ref, "file:"); isFile {
		s.file = file
		return s, nil
	}
	name, version, pinned := strings.Cut(ref, "/versions/")
	if pinned && version != "latest" {
		return nil, fmt.Errorf("%w: it is pinned to version %s", ErrNotStorable, version)
	}
	s.name = name
	return s, nil
}

// String names the place.
func (s *Store) String() string {
	if s.file != "" {
		return s.file
	}
	return s.name
}

// Read returns the text that is stored now, or ErrEmpty.
func (s *Store) Read(ctx context.Context) (secret.Text, error) {
	text, err := s.ref.Read(ctx, s.client)
	switch {
	case errors.Is(err, fs.ErrNotExist), s.name != "" && status.Code(err) == codes.NotFound && s.exists(ctx):
		return secret.Text{}, ErrEmpty
	case err != nil:
		return secret.Text{}, err
	}
	return text, nil
}

// exists tells whether the secret itself is there. Where that may not be asked, it counts as being there.
func (s *Store) exists(ctx context.Context) bool {
	client, err := s.client(ctx)
	if err != nil {
		return true
	}
	_, err = client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: s.name})
	return status.Code(err) != codes.NotFound
}

// WrittenAt returns when the text that is stored now was written, or ErrEmpty.
func (s *Store) WrittenAt(ctx context.Context) (time.Time, error) {
	if s.file != "" {
		info, err := os.Stat(s.file)
		if errors.Is(err, fs.ErrNotExist) {
			return time.Time{}, ErrEmpty
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("look at the secret file: %w", err)
		}
		return info.ModTime(), nil
	}
	client, err := s.client(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("open Secret Manager: %w", err)
	}
	version, err := client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: s.name + "/versions/latest"})
	if status.Code(err) == codes.NotFound {
		return time.Time{}, ErrEmpty
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("look at the latest version of %s: %w", s.name, err)
	}
	return version.GetCreateTime().AsTime(), nil
}

// permissions are what a change takes: to see what is stored, to know from when it is, and to add to it.
var permissions = []string{
	"secretmanager.versions.access", "secretmanager.versions.add", "secretmanager.versions.get",
}

// CheckWritable tells, without writing, whether Write would be let in. It fails with ErrNotPermitted, naming what is
// lacking.
func (s *Store) CheckWritable(ctx context.Context) error {
	if s.file != "" {
		probe, err := os.CreateTemp(filepath.Dir(s.file), ".gemhook-*")
		if err != nil {
			return fmt.Errorf("%w to write beside %s: %w", ErrNotPermitted, s.file, err)
		}
		return errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	client, err := s.client(ctx)
	if err != nil {
		return fmt.Errorf("open Secret Manager: %w", err)
	}
	granted, err := client.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: s.name, Permissions: permissions})
	if err != nil {
		return fmt.Errorf("ask what is permitted on %s: %w", s.name, err)
	}
	var lacking []string
	for _, permission := range permissions {
		if !slices.Contains(granted.GetPermissions(), permission) {
			lacking = append(lacking, permission)
		}
	}
	if len(lacking) > 0 {
		return fmt.Errorf("%w on %s: %s", ErrNotPermitted, s.name, strings.Join(lacking, ", "))
	}
	return nil
}

// Write makes text what is stored. With an error it may or may not have done so.
func (s *Store) Write(ctx context.Context, text secret.Text) error {
	if s.file != "" {
		return s.replaceFile(text)
	}
	client, err := s.client(ctx)
	if err != nil {
		return fmt.Errorf("open Secret Manager: %w", err)
	}
	data := []byte(text.Reveal())
	checksum := int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	if _, err := client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent:  s.name,
		Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: &checksum},
	}); err != nil {
		return fmt.Errorf("add a version to %s: %w", s.name, err)
	}
	return nil
}

// replaceFile writes beside the file and renames, so that a reader never finds half of it. The new file can be read by whom
// the old one could be, or by its owner alone.
func (s *Store) replaceFile(text secret.Text) error {
	written, err := os.CreateTemp(filepath.Dir(s.file), ".gemhook-*")
	if err != nil {
		return fmt.Errorf("write the secret file: %w", err)
	}
	var chmodErr error
	if old, err := os.Stat(s.file); err == nil {
		chmodErr = written.Chmod(old.Mode().Perm())
	}
	_, err = written.WriteString(text.Reveal() + "\n")
	err = errors.Join(err, chmodErr, written.Sync(), written.Close())
	if err == nil {
		err = os.Rename(written.Name(), s.file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the secret file: %w", err), os.Remove(written.Name()))
	}
	return nil
}
