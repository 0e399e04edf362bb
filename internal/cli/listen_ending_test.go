//go:build unix

package cli_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

var long = flag.Bool("long", false, "run the long form: processes that are stopped for more than a minute")

// endListeners ends listeners at any moment: none leaves a subscription, and an event that is being
// handled is handled.
func endListeners(t *testing.T, program string) {
	t.Parallel()
	ways := map[string]func(*running) error{
		"interrupted": func(r *running) error { return r.Process.Signal(syscall.SIGINT) },
	}
	for name, way := range ends {
		ways[name] = way.end
	}
	for name, end := range ways {
		ended := func(r *running) string {
			if err := end(r); err != nil {
				t.Error(err)
			}
			_ = r.Wait()
			return r.stderr.String()
		}
		t.Run(name+" while it starts", func(t *testing.T) {
			t.Parallel()
			for _, after := range []time.Duration{20, 60, 100, 140} {
				f := newFixtureWithoutReceiver(t)
				listen := f.start(program, "listen", "1")
				time.Sleep(after * time.Millisecond) // it is any moment that is tested
				ended(listen)
				f.wantNothingBehind()
			}
		})
		t.Run(name+" while the handler works", func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			h, asked := newLocalHandler(t), make(chan struct{})
			h.answer = func(http.ResponseWriter, string, int) { close(asked); time.Sleep(200 * time.Millisecond) }
			listen := f.start(program, "listen", h.url)
			f.eventually("it subscribes", func() bool { return len(f.subscriptions()) == 3 })
			f.publish(events, map[string]string{"ce-id": "msg_1"})
			<-asked
			if said := ended(listen); strings.Contains(said, "not handled") {
				t.Errorf("what was being handled is said not to be: %s", said)
			}
			f.wantNothingBehind()
		})
		t.Run(name+" between two attempts", func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			listen := f.start(program, "listen", "1") // where nothing listens
			f.eventually("it subscribes", func() bool { return len(f.subscriptions()) == 3 })
			f.publish(events, map[string]string{"ce-id": "msg_1"})
			if line, err := bufio.NewReader(listen.output).ReadString('\n'); err != nil || !strings.Contains(line, "nothing listens at localhost:1") {
				t.Fatalf("the line is %q, %v", line, err)
			}
			if said := ended(listen); !strings.Contains(said, "not handled: 1 (msg_1)") {
				t.Errorf("it says %s", said)
			}
			f.wantNothingBehind()
		})
	}
}

// stopListener stops a listener for longer than Pub/Sub waits for an acknowledgement. It gets its
// messages once more then, and knows them.
func stopListener(t *testing.T, program string) {
	t.Parallel()
	f := newFixtureWithoutReceiver(t)
	h := newLocalHandler(t)
	slow, begun := make(chan struct{}), make(chan struct{})
	h.answer = func(_ http.ResponseWriter, id string, number int) {
		if id == "during" && number == 1 {
			close(begun)
			<-slow
		}
	}
	listen := f.start(program, "listen", h.url, "--count", "4", "--timeout", "5m", "-o", "json")
	f.eventually("it subscribes", func() bool { return len(f.subscriptions()) == 3 })
	f.publish(events, map[string]string{"ce-id": "before"})
	f.publish(events, map[string]string{"ce-id": "during"})
	f.eventually("one is handled", func() bool { return h.got("before") == 1 })
	<-begun
	if err := listen.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	f.publish(events, map[string]string{"ce-id": "meanwhile"})
	pause := 11 * time.Second // Pub/Sub waits for 10
	if *long {
		pause = 70 * time.Second
	}
	time.Sleep(pause) // it is a length of time that is tested
	close(slow)
	if err := listen.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if *long {
		time.Sleep(15 * time.Second) // for what Pub/Sub brings once more
	}
	f.publish(events, map[string]string{"ce-id": "after"})
	lines := bufio.NewScanner(listen.output)
	printed := map[string]int{}
	for lines.Scan() {
		var line struct {
			WebhookID string `json:"webhook_id"`
			Handled   bool
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || !line.Handled {
			t.Errorf("the line %s: %v", lines.Text(), err)
		}
		printed[line.WebhookID]++
	}
	if err := listen.Wait(); err != nil {
		t.Errorf("it ends with %v: %s", err, listen.stderr.String())
	}
	for _, id := range []string{"before", "during", "meanwhile", "after"} {
		if h.got(id) != 1 || printed[id] != 1 {
			t.Errorf("%s was handed over %d times, with %d lines; want one", id, h.got(id), printed[id])
		}
	}
	if said := listen.stderr.String(); *long && !strings.Contains(said, "this process was stopped, for 1m") {
		t.Errorf("it does not say that it was stopped: %s", said)
	}
	f.wantNothingBehind()
}
