// Package secrettest is a stand-in for Secret Manager, for tests: Google has no emulator of it. It
// knows the calls that gemhook makes, and can be told to fail them.
package secrettest

import (
	"context"
	"fmt"
	"hash/crc32"
	"net"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A Manager is a Secret Manager in this process. It is safe for concurrent use.
type Manager struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	host string
	now  func() time.Time

	mu      sync.Mutex
	secrets map[string][]version
	fault   func(method string) error
	denied  map[string]bool
	calls   map[string]int
	damaged bool
}

type version struct {
	data    []byte
	created time.Time
}

// New starts a manager that ends with the test. now is its clock; nil is time.Now.
func New(t testing.TB, now func() time.Time) *Manager {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{host: listener.Addr().String(), now: now, secrets: map[string][]version{}, calls: map[string]int{}}
	server := grpc.NewServer(grpc.UnaryInterceptor(m.intercept))
	secretmanagerpb.RegisterSecretManagerServiceServer(server, m)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return m
}

// Options are those of a client that talks to the manager.
func (m *Manager) Options() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(m.host), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Create makes a secret, projects/P/secrets/S, with a version for each text.
func (m *Manager) Create(name string, texts ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets[name] = []version{}
	for _, text := range texts {
		m.secrets[name] = append(m.secrets[name], version{[]byte(text), m.now()})
	}
}

// Add adds a version to a secret, as somebody else would.
func (m *Manager) Add(name, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets[name] = append(m.secrets[name], version{[]byte(text), m.now()})
}

// Latest returns the text of a secret's newest version, and how many versions there are.
func (m *Manager) Latest(name string) (text string, versions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.secrets[name]
	if len(all) == 0 {
		return "", 0
	}
	return string(all[len(all)-1].data), len(all)
}

// Fail has fault, until it is called again, decide about each call by the method's name, such as
// AddSecretVersion. nil fails none.
func (m *Manager) Fail(fault func(method string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
}

// Damage has every text that is read from now on arrive damaged, with the checksum that it had.
func (m *Manager) Damage() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.damaged = true
}

func checksum(data []byte) int64 {
	return int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

// Deny permits none of these methods from now on, and all others.
func (m *Manager) Deny(methods ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denied = map[string]bool{}
	for _, method := range methods {
		m.denied[method] = true
	}
}

// Calls returns how often a method has been called.
func (m *Manager) Calls(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[method]
}

func (m *Manager) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	m.mu.Lock()
	method := path.Base(info.FullMethod)
	m.calls[method]++
	fault, denied := m.fault, m.denied[method]
	m.mu.Unlock()
	if denied {
		return nil, status.Errorf(codes.PermissionDenied, "Permission denied on %s.", method)
	}
	if fault != nil {
		if err := fault(method); err != nil {
			return nil, err
		}
	}
	return handle(ctx, request)
}

// AccessSecretVersion returns a version's text.
func (m *Manager) AccessSecretVersion(_ context.Context, request *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	found, name, err := m.find(request.GetName())
	if err != nil {
		return nil, err
	}
	sum := checksum(found.data)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.damaged {
		found.data = append([]byte("damaged"), found.data...)
	}
	return &secretmanagerpb.AccessSecretVersionResponse{
		Name: name, Payload: &secretmanagerpb.SecretPayload{Data: found.data, DataCrc32C: &sum},
	}, nil
}

// GetSecretVersion returns the metadata of a version.
func (m *Manager) GetSecretVersion(_ context.Context, request *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	found, name, err := m.find(request.GetName())
	if err != nil {
		return nil, err
	}
	return &secretmanagerpb.SecretVersion{Name: name, CreateTime: timestamppb.New(found.created)}, nil
}

// find returns a version of a secret, by its number or as the latest.
func (m *Manager) find(name string) (version, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, which, _ := strings.Cut(name, "/versions/")
	all := m.secrets[secret]
	number, err := strconv.Atoi(which)
	if which == "latest" {
		number, err = len(all), nil
	}
	if err != nil || number < 1 || number > len(all) {
		return version{}, "", status.Errorf(codes.NotFound, "Secret Version [%s] not found.", name)
	}
	return all[number-1], fmt.Sprintf("%s/versions/%d", secret, number), nil
}

// GetSecret returns the metadata of a secret.
func (m *Manager) GetSecret(_ context.Context, request *secretmanagerpb.GetSecretRequest) (*secretmanagerpb.Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.secrets[request.GetName()]; !there {
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found.", request.GetName())
	}
	return &secretmanagerpb.Secret{Name: request.GetName()}, nil
}

// AddSecretVersion adds a version.
func (m *Manager) AddSecretVersion(_ context.Context, request *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, there := m.secrets[request.GetParent()]
	if !there {
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found.", request.GetParent())
	}
	data := request.GetPayload().GetData()
	if sum := request.GetPayload().DataCrc32C; sum == nil || *sum != checksum(data) {
		return nil, status.Error(codes.InvalidArgument, "Without its checksum, data that was damaged on the way would be stored.")
	}
	m.secrets[request.GetParent()] = append(all, version{data, m.now()})
	return &secretmanagerpb.SecretVersion{Name: fmt.Sprintf("%s/versions/%d", request.GetParent(), len(all)+1)}, nil
}

// TestIamPermissions grants what is asked for, except for the methods that Deny names.
func (m *Manager) TestIamPermissions(_ context.Context, request *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	methods := map[string]string{
		"secretmanager.versions.add": "AddSecretVersion", "secretmanager.versions.access": "AccessSecretVersion",
		"secretmanager.versions.get": "GetSecretVersion",
	}
	response := &iampb.TestIamPermissionsResponse{}
	for _, permission := range request.GetPermissions() {
		if !m.denied[methods[permission]] {
			response.Permissions = append(response.Permissions, permission)
		}
	}
	return response, nil
}
