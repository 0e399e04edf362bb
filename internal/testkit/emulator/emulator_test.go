package emulator_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

// ownerVariable makes this test binary a program that starts an emulator, prints its address and
// waits to be killed.
const ownerVariable = "EMULATOR_TEST_OWNER"

// notInstalled is that program's exit code where the emulator is not installed.
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

// The end of its context stops an emulator.
func TestEndOfContextStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e, err := emulator.StartPubSub(ctx, nil)
	if errors.Is(err, emulator.ErrNotInstalled) {
		testkit.LeaveOut(t, testkit.Emulators)
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

// An emulator ends with the process that started it, even if that is killed.
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
			testkit.LeaveOut(t, testkit.Emulators)
		}
		t.Fatalf("the owner printed no address: %v", err)
	}
	conn := connect(t, strings.TrimSpace(line))

	if err := owner.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitClosed(t, conn)
}

// A port that is taken is an error that says so.
func TestTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = emulator.StartPubSub(t.Context(), &emulator.Options{Port: taken.Addr().(*net.TCPAddr).Port})
	if errors.Is(err, emulator.ErrNotInstalled) {
		testkit.LeaveOut(t, testkit.Emulators)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("start on a taken port: %v, want %v", err, syscall.EADDRINUSE)
	}
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
