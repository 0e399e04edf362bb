//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/testkit"
)

// However a tail ends, its subscription does not stay behind to store every event.
func TestTailCleansUpWhateverEndsIt(t *testing.T) {
	testkit.FirestoreHost(t)
	testkit.PubSubHost(t)
	program := filepath.Join(t.TempDir(), "gemhook")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, test := range []struct {
		name string
		end  func(process *os.Process, reader *os.File) error
		code int
	}{
		{"hung up", func(p *os.Process, _ *os.File) error { return p.Signal(syscall.SIGHUP) }, 129},
		{"terminated", func(p *os.Process, _ *os.File) error { return p.Signal(syscall.SIGTERM) }, 143},
		{"closed pipe", func(_ *os.Process, reader *os.File) error { return reader.Close() }, 141},
	} {
		t.Run(test.name, func(t *testing.T) {
			project := fmt.Sprintf("pipe-%d", time.Now().UnixNano())
			client, err := pubsub.NewClient(t.Context(), project)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/" + project + "/topics/events"}); err != nil {
				t.Fatal(err)
			}
			subscriptions := func() (n int) {
				for _, err := range client.SubscriptionAdminClient.ListSubscriptions(t.Context(), &pubsubpb.ListSubscriptionsRequest{
					Project: "projects/" + project,
				}).All() {
					if err != nil {
						t.Fatal(err)
					}
					n++
				}
				return n
			}
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			command := exec.CommandContext(t.Context(), program, "tail", "--project", project, "--topic", "events")
			command.Stdout = writer
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			_ = writer.Close()
			for subscriptions() == 0 {
				if t.Context().Err() != nil {
					t.Fatal("tail does not subscribe")
				}
			}
			if err := test.end(command.Process, reader); err != nil {
				t.Fatal(err)
			}
			_ = command.Wait() // its error is the code
			// An interrupted tail ends as it should: with success, unless the signal came before it followed anything.
			if code := command.ProcessState.ExitCode(); code != 0 && code != test.code {
				t.Errorf("the exit code is %d", code)
			}
			if n := subscriptions(); n != 0 {
				t.Errorf("%d subscriptions are left", n)
			}
		})
	}
}
