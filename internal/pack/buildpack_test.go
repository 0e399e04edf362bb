package pack_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/pack"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
)

// TestBuildpack builds the Cloud Function from its archive as Cloud Functions does, and runs what
// comes out.
func TestBuildpack(t *testing.T) {
	program := buildCloudFunction(t)

	t.Run("bill of materials", func(t *testing.T) { wantSBOM(t, program, pack.CloudFunction) })

	t.Run("serves", func(t *testing.T) {
		url := startCloudFunction(t, program,
			"FIRESTORE_EMULATOR_HOST="+testkit.FirestoreHost(t),
			"PUBSUB_EMULATOR_HOST="+testkit.PubSubHost(t))
		resp, err := http.Get(url + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var about struct{ Service, Version string }
		if err := json.NewDecoder(resp.Body).Decode(&about); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK || about.Service != "gemhook" || about.Version == "" {
			t.Errorf("GET /: %s, %+v; want 200 from gemhook with its version", resp.Status, about)
		}
	})

	t.Run("delivers", func(t *testing.T) {
		firestore, pubSub := testkit.FirestoreHost(t), testkit.PubSubHost(t)
		createTopic(t)
		secret, err := standin.NewSecret(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		url := startCloudFunction(t, program, "FIRESTORE_EMULATOR_HOST="+firestore, "PUBSUB_EMULATOR_HOST="+pubSub,
			"GEMHOOK_SIGNING_SECRETS="+secret)
		id, err := standin.NewID(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys := &standin.Keys{Secrets: []string{secret}}
		delivery, err := keys.SignV1(standin.Delivery{ID: id, Time: time.Now(), Body: standin.Event("batch.succeeded")})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := standin.Send(t.Context(), nil, url, delivery)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status != "published" || answer.MessageID == "" {
			t.Errorf("answer %d %s, want published", answer.StatusCode, answer.Body)
		}
	})
}

// createTopic makes the topic of the function that startCloudFunction starts, unless an earlier run
// has.
func createTopic(t *testing.T) {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/" + project + "/topics/events"})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		t.Fatal(err)
	}
}

// project is the one that the function in this test works for.
const project = "buildpack-test"

// buildCloudFunction takes the archive through the steps of Google's Go buildpack
// (GoogleCloudPlatform/buildpacks, cmd/go/functions_framework) and returns the path of the program.
func buildCloudFunction(t *testing.T) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "serverless_function_source_code")
	unpackCloudFunction(t, source)
	checkFunctionPackage(t, source)

	module := strings.TrimSpace(goCommand(t, source, "list", "-m"))
	if host, _, _ := strings.Cut(module, "/"); !strings.Contains(host, ".") {
		t.Fatalf("module path %q: the buildpack wants a dot in the first element", module)
	}
	goCommand(t, source, "list", "-m", "-f", "{{.Version}}", frameworkModule)

	appDir := filepath.Join(source, "functions.local", "app")
	if err := os.MkdirAll(appDir, 0o755); err != nil {
		t.Fatal(err)
	}
	app := fmt.Sprintf(appTemplate, module, frameworkModule)
	if err := os.WriteFile(filepath.Join(appDir, "main.go"), []byte(app), 0o644); err != nil {
		t.Fatal(err)
	}
	goCommand(t, source, "mod", "tidy")
	program := filepath.Join(t.TempDir(), "main")
	goCommand(t, source, "build", "-o", program, appDir)
	return program
}

const frameworkModule = "github.com/GoogleCloudPlatform/functions-framework-go"

// appTemplate stands for the main package that the buildpack writes: the function registers itself
// when it is imported, and the framework serves it, here on the loopback interface only.
const appTemplate = `package main

import (
	"log"
	"os"

	_ %q
	"%s/funcframework"
)

func main() {
	log.Fatal(funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")))
}
`

func unpackCloudFunction(t *testing.T, dir string) {
	t.Helper()
	var archive bytes.Buffer
	if err := pack.WriteCloudFunction(&archive, repository, "receive"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, open(t, archive.Bytes())); err != nil {
		t.Fatal(err)
	}
}

// checkFunctionPackage does what the buildpack's get_package program does: it wants one package in
// the folder, and looks in its imports for the framework's functions package. Without that import
// it would call the function by name rather than let it register itself.
func checkFunctionPackage(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var packages, imports []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, f.Name.Name)
		for _, spec := range f.Imports {
			imports = append(imports, spec.Path.Value)
		}
	}
	if packages = slices.Compact(packages); len(packages) != 1 {
		t.Errorf("packages at the archive's root: %q, want one", packages)
	}
	if !slices.Contains(imports, strconv.Quote(frameworkModule+"/functions")) {
		t.Errorf("the function does not import %s/functions", frameworkModule)
	}
}

// goCommand runs the go command in dir and returns what it prints. Of this repository's flags it
// has only those that let a build share compiled dependencies with the Lambda packages.
func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath", "CGO_ENABLED=0", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// startCloudFunction starts the program as Cloud Functions would, with the variables that the
// receiver requires and those in env, and returns the URL that it answers at. It ends with the
// test.
func startCloudFunction(t *testing.T, program string, env ...string) string {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), append([]string{
		"FUNCTION_TARGET=receive",
		"PORT=" + port,
		"GOOGLE_CLOUD_PROJECT=" + project,
		"GEMHOOK_TOPIC=events",
		"GEMHOOK_DEAD_LETTER_TOPIC=dead-letters",
	}, env...)...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer cancel()
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the function's output:\n%s", &output)
		}
	})

	url := "http://127.0.0.1:" + port
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		conn, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			return url
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			t.Fatalf("the function did not come up: %v", err)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
