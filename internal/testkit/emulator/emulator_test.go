package emulator_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

// ownerVariable makes this test binary a program that starts an emulator,
// prints its address and waits to be killed.
const ownerVariable = "EMULATOR_TEST_OWNER"

// notInstalled is that program's exit code for want of the emulator.
const notInstalled = 3

func TestMain(m *testing.M) {
	if os.Getenv(ownerVariable) != "" {
		own()
	}
	os.Exit(m.Run())
}

func own() {
	e, err := emulator.StartFirestore(context.Background(), nil)
	if errors.Is(err, emulator.ErrNotInstalled) {
		os.Exit(notInstalled)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(e.Host())
	select {}
}

func TestFirestoreKeepsNothingOverRestart(t *testing.T) {
	first := testkit.StartFirestore(t, nil)
	const document = "projects/p/databases/(default)/documents/deliveries/d"
	_, err := firestorepb.NewFirestoreClient(dial(t, first)).Commit(t.Context(), &firestorepb.CommitRequest{
		Database: "projects/p/databases/(default)",
		Writes: []*firestorepb.Write{{Operation: &firestorepb.Write_Update{
			Update: &firestorepb.Document{Name: document},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}

	second := testkit.StartFirestore(t, &emulator.Options{Port: stop(t, first)})
	if second.Host() != first.Host() {
		t.Errorf("restarted on %s, want %s", second.Host(), first.Host())
	}
	_, err = firestorepb.NewFirestoreClient(dial(t, second)).GetDocument(t.Context(),
		&firestorepb.GetDocumentRequest{Name: document})
	if status.Code(err) != codes.NotFound {
		t.Errorf("document after the restart: %v, want NotFound", err)
	}
}

func TestPubSubKeepsNothingOverRestart(t *testing.T) {
	first := testkit.StartPubSub(t, nil)
	const topic = "projects/p/topics/events"
	_, err := pubsubpb.NewPublisherClient(dial(t, first)).CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic})
	if err != nil {
		t.Fatal(err)
	}

	second := testkit.StartPubSub(t, &emulator.Options{Port: stop(t, first)})
	if second.Host() != first.Host() {
		t.Errorf("restarted on %s, want %s", second.Host(), first.Host())
	}
	_, err = pubsubpb.NewPublisherClient(dial(t, second)).GetTopic(t.Context(),
		&pubsubpb.GetTopicRequest{Topic: topic})
	if status.Code(err) != codes.NotFound {
		t.Errorf("topic after the restart: %v, want NotFound", err)
	}
}

func TestEndOfContextStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e, err := emulator.StartPubSub(ctx, nil)
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, e.Host())

	cancel()
	awaitClosed(t, conn)
	if err := e.Stop(); err != nil {
		t.Errorf("Stop after the end of the context: %v", err)
	}
}

func TestKilledOwnerLeavesNothing(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.CommandContext(t.Context(), exe)
	owner.Env = append(os.Environ(), ownerVariable+"=1")
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	defer owner.Wait()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		owner.Wait()
		if owner.ProcessState.ExitCode() == notInstalled {
			t.Skip(emulator.ErrNotInstalled)
		}
		t.Fatalf("the owner printed no address: %v", err)
	}
	conn := connect(t, strings.TrimSpace(line))

	if err := owner.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitClosed(t, conn)
}

func TestTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = emulator.StartPubSub(t.Context(), &emulator.Options{Port: taken.Addr().(*net.TCPAddr).Port})
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("start on a taken port: %v, want %v", err, syscall.EADDRINUSE)
	}
}

// stop stops e twice, makes sure that its port is free and returns it.
func stop(t *testing.T, e *emulator.Emulator) int {
	t.Helper()
	conn := connect(t, e.Host())
	for range 2 {
		if err := e.Stop(); err != nil {
			t.Fatalf("Stop: %v", err)
		}
	}
	awaitClosed(t, conn)
	l, err := net.Listen("tcp4", e.Host())
	if err != nil {
		t.Fatalf("port after Stop: %v", err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(e.Host())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func dial(t *testing.T, e *emulator.Emulator) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+e.Host(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func connect(t *testing.T, host string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp4", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// awaitClosed returns when the other side has closed the connection.
func awaitClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for buf := make([]byte, 1024); ; {
		_, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the emulator still holds the connection open")
		}
		if err != nil {
			return
		}
	}
}
