package receiver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/receiver"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/topic"
	"github.com/gemhook/gemhook/shared/webhook"
)

// TestHangingBackends has each thing that a receiver waits for not answer at all. In a bubble of
// package synctest the waiting takes no time, and the clock shows exactly how long it would have
// been.
func TestHangingBackends(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path     string
		breakIt  func(*fixture)
		status   int
		code     string
		reached  bool // the topic
		released bool
	}{
		"signing secrets": {"/", func(b *fixture) {
			b.deps.Static = webhook.NewStatic(hanging[webhook.Secrets]{}, nil)
		}, 503, "keys_unavailable", false, false},
		"key set": {dynamicPath, func(b *fixture) {
			b.deps.Dynamic = webhook.NewDynamic(hanging[webhook.KeySet]{}, nil)
		}, 503, "keys_unavailable", false, false},
		"tenant keys": {dynamicPath, func(b *fixture) {
			b.deps.Gate = tenant.NewGate(hanging[tenant.Keys]{})
		}, 503, "keys_unavailable", false, false},
		"claim":   {"/", func(b *fixture) { b.ledger.onClaim = hang }, 503, "ledger_unavailable", false, false},
		"publish": {"/", func(b *fixture) { b.publisher.onPublish = hang }, 503, "topic_unavailable", true, false},
		"release": {"/", func(b *fixture) {
			b.publisher.onPublish = fail(topic.ErrNotPublished)
			b.ledger.onRelease = hang
		}, 503, "topic_unavailable", true, true},
		"publish, then release": {"/", func(b *fixture) {
			b.publisher.onPublish = func(ctx context.Context) error { return fmt.Errorf("%w: %w", topic.ErrNotPublished, hang(ctx)) }
			b.ledger.onRelease = hang
		}, 503, "topic_unavailable", true, true},
		"settle":               {"/", func(b *fixture) { b.ledger.onSettle = hang }, 200, "", true, false},
		"settle, failing fast": {"/", func(b *fixture) { b.ledger.onSettle = fail(errAway) }, 200, "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newLiveFixture(t, test.breakIt)
				d := b.v1(b.delivery("msg_1"))
				if test.path == dynamicPath {
					d = b.v1a(d)
				}
				begin := time.Now()
				a := b.post(test.path, d)
				atMost := receiver.Deadline
				if test.code == "keys_unavailable" {
					atMost /= 2 // the claim and the publish come after
				}
				if took := time.Since(begin); took > atMost {
					t.Errorf("answered after %s, want %s at most", took, atMost)
				}
				if test.status == http.StatusOK {
					b.succeeded(a, "published", "msg_1")
					if line := b.log.last(); line["settle_error"] == nil || line["level"] != "WARN" {
						t.Errorf("log line %v does not tell that settling failed", line)
					}
				} else {
					b.failed(a, test.status, test.code, "10")
				}
				if reached := len(b.publisher.all()) == 1; reached != test.reached {
					t.Errorf("reached the topic: %t, want %t", reached, test.reached)
				}
				if released := b.ledger.releases == 1; released != test.released {
					t.Errorf("released: %t, want %t", released, test.released)
				}
			})
		})
	}
}

// TestDeadlineFitsTheLeastLease wants a delivery to end before the least lease does, whatever the
// margins of that take.
func TestDeadlineFitsTheLeastLease(t *testing.T) {
	t.Parallel()
	if least := receiver.Deadline + ledger.MaxClockSkew + ledger.MaxTransit; least > ledger.MinLease {
		t.Errorf("a delivery needs a lease of %s, and may have %s", least, ledger.MinLease)
	}
}

// TestPublishDeadline wants a publish to end before its lease does, and in the delivery's time,
// whichever is sooner.
func TestPublishDeadline(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{-time.Second, 0, time.Second, receiver.Deadline, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := newLiveFixture(t)
			begin := time.Now()
			publishBy := begin.Add(left)
			b.ledger.afterwards = func(claim *ledger.Claim) { claim.PublishBy = publishBy }
			b.publisher.onPublish = func(ctx context.Context) error {
				deadline, bounded := ctx.Deadline()
				if !bounded || deadline.After(publishBy) || !deadline.Before(begin.Add(receiver.Deadline)) {
					t.Errorf("publish may last for %s, of %s left", deadline.Sub(begin), left)
				}
				if left <= 0 && ctx.Err() == nil {
					t.Error("publishing after the time to")
				}
				return nil
			}
			b.succeeded(b.post("/", b.v1(b.delivery("msg_1"))), "published", "msg_1")
		})
	}
}

// TestSlowStepsLeaveTimeForTheNext has every step take a little less than it may. All of them still
// fit in.
func TestSlowStepsLeaveTimeForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newLiveFixture(t)
		slow := func(ctx context.Context) error {
			deadline, bounded := ctx.Deadline()
			if !bounded || time.Until(deadline) < time.Second {
				t.Errorf("%s left", time.Until(deadline))
			}
			elapse(time.Until(deadline) - time.Millisecond)
			return nil
		}
		b.ledger.onClaim, b.publisher.onPublish = slow, slow
		b.succeeded(b.post("/", b.v1(b.delivery("msg_1"))), "published", "msg_1")
		if document := b.document("static!msg_1"); document.State != ledger.Published {
			t.Errorf("the delivery is %s, want it settled", document.State)
		}
	})
}

// TestReleasedAfterALongPublish has a publish use up its time without success. There is still time
// to release the claim.
func TestReleasedAfterALongPublish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newLiveFixture(t)
		b.publisher.onPublish = func(ctx context.Context) error { return fmt.Errorf("%w: %w", topic.ErrNotPublished, hang(ctx)) }
		d := b.v1(b.delivery("msg_1"))
		b.failed(b.post("/", d), http.StatusServiceUnavailable, "topic_unavailable", "10")
		b.publisher.onPublish = works
		b.succeeded(b.post("/", d), "published", "msg_1")
		b.checkMessage(1, 2, false)
	})
}

// TestUnsettledIsRedelivered wants a message whose settling failed for good to be followed by a
// marked one at most.
func TestUnsettledIsRedelivered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newLiveFixture(t)
		b.ledger.onSettle = fail(errAway)
		d := b.v1(b.delivery("msg_1"))
		b.succeeded(b.post("/", d), "published", "msg_1")
		if b.ledger.settles < 3 {
			t.Errorf("settled %d times only", b.ledger.settles)
		}
		b.ledger.onSettle = works
		a := b.post("/", d)
		b.failed(a, http.StatusConflict, "in_flight", "10")
		elapse(lease)
		b.succeeded(b.post("/", d), "published", "msg_1")
		b.checkMessage(1, 2, true)
		b.succeeded(b.post("/", d), "duplicate", "msg_1")
	})
}

// TestSlowBody sends a body that does not come, or byte by byte, over a connection that knows
// deadlines.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for name, trickle := range map[string]bool{"stops": false, "trickles": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newLiveFixture(t)
				client, server := net.Pipe()
				serving := &http.Server{Handler: b}
				var running sync.WaitGroup
				running.Go(func() { _ = serving.Serve(&pipeListener{connection: server, closed: make(chan struct{})}) })
				defer func() {
					_ = client.Close()
					_ = serving.Close()
					running.Wait()
				}()

				d := b.v1(b.delivery("msg_1"))
				b.expects(d.Header)
				begin := time.Now()
				running.Go(func() {
					_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: receiver\r\n")
					_ = d.Header.Write(client)
					_, _ = fmt.Fprintf(client, "Content-Length: %d\r\n\r\n", len(d.Body))
					for i := 0; trickle && i < len(d.Body); i++ {
						if _, err := client.Write(d.Body[i : i+1]); err != nil {
							return
						}
						elapse(500 * time.Millisecond)
					}
				})
				response, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				b.failed(b.answer(response), http.StatusBadRequest, "malformed_header", "")
				if took := time.Since(begin); took > receiver.Deadline {
					t.Errorf("answered after %s, want %s at most", took, receiver.Deadline)
				}
				b.untouched()
			})
		})
	}
}

// TestSlowStepsAroundABody has keys, or a claim, that take longer than a body may, over a
// connection that knows deadlines. The body has arrived meanwhile, and the connection can be used
// again.
func TestSlowStepsAroundABody(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]func(*fixture){
		"keys":  func(b *fixture) { b.deps.Gate = slowGate{b.deps.Gate} },
		"claim": func(b *fixture) { b.ledger.onClaim = takes(4 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newLiveFixture(t, slow)
				client, server := net.Pipe()
				serving := &http.Server{Handler: b}
				var running sync.WaitGroup
				running.Go(func() { _ = serving.Serve(&pipeListener{connection: server, closed: make(chan struct{})}) })
				defer func() {
					_ = client.Close()
					_ = serving.Close()
					running.Wait()
				}()
				answers := bufio.NewReader(client)
				for _, id := range []string{"msg_1", "msg_2"} {
					d := b.v1a(b.delivery(id))
					b.expects(d.Header)
					running.Go(func() { _ = request(dynamicPath, d).Write(client) })
					response, err := http.ReadResponse(answers, nil)
					if err != nil {
						t.Fatal(err)
					}
					b.succeeded(b.answer(response), "published", id)
				}
			})
		})
	}
}

// slowGate takes longer than a body may.
type slowGate struct{ receiver.Gate }

func (g slowGate) Admit(ctx context.Context, tenant, token string) error {
	elapse(4 * time.Second)
	return g.Gate.Admit(ctx, tenant, token)
}

// pipeListener accepts one connection.
type pipeListener struct {
	connection net.Conn
	closed     chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	if connection := l.connection; connection != nil {
		l.connection = nil
		return connection, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
