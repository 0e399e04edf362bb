package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNotInstalled is the error of an emulator that cannot be started because something is not
// installed. Its message is the instruction to do so.
var ErrNotInstalled = errors.New("install a Java runtime, the Google Cloud CLI, " +
	"and its components cloud-firestore-emulator and pubsub-emulator " +
	"(gcloud components install cloud-firestore-emulator pubsub-emulator)")

// Installed returns nil if both emulators can be started, else an [ErrNotInstalled].
func Installed(ctx context.Context) error {
	for _, k := range []kind{firestore, pubSub} {
		if _, err := find(ctx, k); err != nil {
			return fmt.Errorf("start %s emulator: %w", k.name, err)
		}
	}
	return nil
}

// find returns the path of the emulator's start script.
func find(ctx context.Context, k kind) (string, error) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		return "", fmt.Errorf("gcloud is not on the PATH: %w", ErrNotInstalled)
	}
	root, err := sdkRoot(ctx, gcloud)
	if err != nil {
		return "", err
	}
	script := filepath.Join(root, filepath.FromSlash(k.script))
	if _, err := os.Stat(script); err != nil {
		return "", fmt.Errorf("it is not in %s: %w", root, ErrNotInstalled)
	}
	if !haveJava() {
		return "", fmt.Errorf("java is not on the PATH: %w", ErrNotInstalled)
	}
	return script, nil
}

// sdkRoot returns the directory that the Google Cloud CLI is installed in. Asking gcloud takes
// about a second, so it is asked only where its own program does not lie in the bin directory of an
// installation, as with packages that put a wrapper on the PATH.
func sdkRoot(ctx context.Context, gcloud string) (string, error) {
	if program, err := filepath.EvalSymlinks(gcloud); err == nil {
		root := filepath.Dir(filepath.Dir(program))
		if info, err := os.Stat(filepath.Join(root, "platform")); err == nil && info.IsDir() {
			return root, nil
		}
	}
	out, err := exec.CommandContext(ctx, gcloud, "info", "--format=value(installation.sdk_root)").Output()
	if err != nil {
		return "", fmt.Errorf("find the Google Cloud CLI with gcloud info: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// haveJava reports whether the scripts will find a Java runtime; the Pub/Sub emulator's also looks
// in JAVA_HOME, Firestore's takes the command in JAVA.
func haveJava() bool {
	if os.Getenv("JAVA_HOME") != "" || os.Getenv("JAVA") != "" {
		return true
	}
	_, err := exec.LookPath("java")
	return err == nil
}
