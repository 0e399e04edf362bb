package secretstore

import (
	"context"
	"fmt"
	"hash/crc32"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/secret"
)

// managed is a secret of Secret Manager. Its revisions are the numbers of its versions, "0" for
// none.
type managed struct {
	name   string // projects/P/secrets/S
	client func(context.Context) (*secretmanager.Client, error)
}

func (m *managed) String() string { return m.name }

func (m *managed) open(ctx context.Context) (*secretmanager.Client, error) {
	client, err := m.client(ctx)
	if err != nil {
		return nil, fmt.Errorf("open Secret Manager: %w", err)
	}
	return client, nil
}

func (m *managed) read(ctx context.Context) (string, revision, error) {
	client, err := m.open(ctx)
	if err != nil {
		return "", "", err
	}
	text, at, err := m.access(ctx, client, "latest")
	if status.Code(err) == codes.NotFound && m.exists(ctx, client) {
		return "", "0", ErrEmpty
	}
	return text, at, err
}

func (m *managed) access(ctx context.Context, client *secretmanager.Client, version string) (string, revision, error) {
	name := m.name + "/versions/" + version
	response, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	if err != nil {
		return "", "", fmt.Errorf("access %s: %w", name, err)
	}
	data := response.GetPayload().GetData()
	if sum := response.GetPayload().DataCrc32C; sum != nil && *sum != checksum(data) {
		return "", "", fmt.Errorf("access %s: the data does not match its checksum", name)
	}
	return secret.Decode(data), revision(path.Base(response.GetName())), nil
}

func checksum(data []byte) int64 {
	return int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

// exists reports whether the secret itself exists. It also does so if the caller may not ask.
func (m *managed) exists(ctx context.Context, client *secretmanager.Client) bool {
	_, err := client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: m.name})
	return status.Code(err) != codes.NotFound
}

// latest returns the number of the latest version, 0 for none, and when it was made.
func (m *managed) latest(ctx context.Context, client *secretmanager.Client) (int, time.Time, error) {
	version, err := client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: m.name + "/versions/latest"})
	if status.Code(err) == codes.NotFound {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("look at the latest version of %s: %w", m.name, err)
	}
	number, err := strconv.Atoi(path.Base(version.GetName()))
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("look at the latest version of %s: its number: %w", m.name, err)
	}
	return number, version.GetCreateTime().AsTime(), nil
}

func (m *managed) writtenAt(ctx context.Context) (time.Time, error) {
	client, err := m.open(ctx)
	if err != nil {
		return time.Time{}, err
	}
	number, at, err := m.latest(ctx, client)
	if err == nil && number == 0 {
		err = ErrEmpty
	}
	return at, err
}

func (m *managed) replace(ctx context.Context, at revision, text string) error {
	client, err := m.open(ctx)
	if err != nil {
		return err
	}
	before, err := strconv.Atoi(string(at))
	if err != nil {
		return fmt.Errorf("add a version to %s: the number of the latest: %w", m.name, err)
	}
	if now, _, err := m.latest(ctx, client); err != nil {
		return err
	} else if now != before {
		return ErrChanged
	}
	data := []byte(text)
	sum := checksum(data)
	added, err := client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent:  m.name,
		Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: &sum},
	})
	if err != nil {
		return fmt.Errorf("add a version to %s: %w", m.name, err)
	}
	number, err := strconv.Atoi(path.Base(added.GetName()))
	if err != nil || number <= before+1 {
		return err
	}
	theirs, _, err := m.access(ctx, client, strconv.Itoa(number-1))
	if err != nil {
		return fmt.Errorf("%w, as version %d: %w", ErrChanged, number-1, err)
	}
	return &overwritten{theirs, revision(strconv.Itoa(number))}
}

// permissions are what a change needs: to read what is stored, to know when it was stored, and to
// add to it.
var permissions = []string{
	"secretmanager.versions.access", "secretmanager.versions.add", "secretmanager.versions.get",
}

func (m *managed) checkWritable(ctx context.Context) error {
	client, err := m.open(ctx)
	if err != nil {
		return err
	}
	granted, err := client.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: m.name, Permissions: permissions})
	if err != nil {
		return fmt.Errorf("ask what is permitted on %s: %w", m.name, err)
	}
	var lacking []string
	for _, permission := range permissions {
		if !slices.Contains(granted.GetPermissions(), permission) {
			lacking = append(lacking, permission)
		}
	}
	if len(lacking) > 0 {
		return fmt.Errorf("%w on %s: %s", ErrNotPermitted, m.name, strings.Join(lacking, ", "))
	}
	return nil
}
