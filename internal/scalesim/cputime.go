package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gemhook/gemhook/internal/emulator"
	"github.com/gemhook/gemhook/shared/geminitest"
)

const (
	project   = "scalesim"
	topic     = "events"
	parallel  = 64
	upTimeout = 20 * time.Second
)

// cpuTime returns the CPU time that the receiver's process takes for a delivery, in the mean of n on the emulators: that of
// a process that takes n more of them than another, less that of the other. So neither the start is in it nor what only
// the first deliveries take.
func cpuTime(ctx context.Context, n int) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	firestore, err := emulator.StartFirestore(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer firestore.Stop()
	messages, err := emulator.StartPubSub(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer messages.Stop()
	if err := createTopic(ctx, messages.Host()); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "gemhook-scalesim-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, "serve")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/gemhook/gemhook/internal/serve")
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the receiver: %w\n%s", err, output)
	}
	secret, err := geminitest.NewSecret(rand.Reader)
	if err != nil {
		return 0, err
	}
	env := append(os.Environ(),
		"FIRESTORE_EMULATOR_HOST="+firestore.Host(), "PUBSUB_EMULATOR_HOST="+messages.Host(),
		"GOOGLE_CLOUD_PROJECT="+project, "GEMHOOK_TOPIC="+topic, "GEMHOOK_DEAD_LETTER_TOPIC="+topic,
		"GEMHOOK_SIGNING_SECRETS="+secret)
	const warming = 500
	less, err := spent(ctx, program, env, secret, warming)
	if err != nil {
		return 0, err
	}
	more, err := spent(ctx, program, env, secret, warming+n)
	if err != nil {
		return 0, err
	}
	return (more - less) / time.Duration(n), nil
}

// createTopic creates the topic in the emulator.
func createTopic(ctx context.Context, host string) error {
	connection, err := grpc.NewClient("passthrough:///"+host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	name := "projects/" + project + "/topics/" + topic
	_, err = pubsubpb.NewPublisherClient(connection).CreateTopic(ctx, &pubsubpb.Topic{Name: name})
	if err != nil {
		return fmt.Errorf("create topic: %w", err)
	}
	return nil
}

// spent runs a receiver for n deliveries and returns the CPU time of its process.
func spent(ctx context.Context, program string, env []string, secret string, n int) (time.Duration, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	process := exec.CommandContext(ctx, program)
	process.Env = append(env, "PORT="+port)
	if err := process.Start(); err != nil {
		return 0, err
	}
	url := "http://127.0.0.1:" + port + "/"
	err = waitUntilUp(ctx, url)
	if err == nil {
		err = deliver(ctx, url, secret, n)
	}
	_ = process.Process.Kill()
	_ = process.Wait() // ends by the signal
	return process.ProcessState.UserTime() + process.ProcessState.SystemTime(), err
}

func waitUntilUp(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			return response.Body.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(errors.New("the receiver does not come up"), err)
		}
	}
}

// deliver sends n deliveries, some at a time, each of which must be published.
func deliver(ctx context.Context, url, secret string, n int) error {
	keys := geminitest.Keys{Secrets: []string{secret}}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: parallel}}
	defer client.CloseIdleConnections()
	types := geminitest.EventTypes()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range n {
		group.Go(func() error {
			id, err := geminitest.NewID(rand.Reader)
			if err != nil {
				return err
			}
			now := time.Now()
			body := geminitest.EventAt(types[i%len(types)], resourceID, now)
			signed, err := keys.SignV1(geminitest.Delivery{ID: id, Time: now, Body: body})
			if err != nil {
				return err
			}
			answer, err := geminitest.Send(ctx, client, url, signed)
			if err != nil {
				return err
			}
			if !answer.Acknowledged() {
				return fmt.Errorf("a delivery was answered %d", answer.StatusCode)
			}
			return nil
		})
	}
	return group.Wait()
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}
