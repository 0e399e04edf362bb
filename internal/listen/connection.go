package listen

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/handler"
)

// ErrGone is returned where the subscription of a listener is there no more: somebody has deleted
// it, or Pub/Sub has, after a day without a reader.
var ErrGone = errors.New("the subscription of this listener is gone")

const (
	// ackDeadline is the shortest that Pub/Sub allows. Nobody else waits for these messages, and
	// what is on its way is extended again and again.
	ackDeadline = 10 * time.Second
	// asleep is how much longer than planned a pause has to be for this process to have been stopped,
	// or the machine to have slept.
	asleep = 10 * time.Second
	// answering is how long Pub/Sub may take to answer.
	answering = 8 * time.Second

	reconnectEvery    = time.Second
	reconnectEveryMax = 15 * time.Second
)

// follow receives until ctx ends. It connects again as often as need be, and leaves in client the
// one that it has last.
func (l *Listener) follow(ctx context.Context, client **pubsub.Client) error {
	for {
		interruption, err := l.receive(ctx, *client)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !l.reconnect(ctx, client, interruption) {
			return nil
		}
	}
}

// An interruption is why a connection is given up.
type interruption struct {
	since time.Time
	slept time.Duration // 0: the connection was lost
	err   error         // that no connection cures
}

// receive receives until ctx ends, or something interrupts it.
func (l *Listener) receive(ctx context.Context, client *pubsub.Client) (interruption, error) {
	receiving, stop := context.WithCancel(ctx)
	defer stop()
	noticed := make(chan interruption, 1)
	go func() {
		noticed <- l.watch(receiving, client)
		stop()
	}()
	subscriber := client.Subscriber(l.subscription)
	subscriber.ReceiveSettings = pubsub.ReceiveSettings{
		MaxExtension: 24 * time.Hour, MaxDurationPerAckExtension: ackDeadline,
		MaxOutstandingMessages: maxHeld, MaxOutstandingBytes: 128 << 20, NumGoroutines: 1,
		// An acknowledgement over a dead connection never ends.
		ShutdownOptions: &pubsub.ShutdownOptions{Behavior: pubsub.ShutdownBehaviorNackImmediately, Timeout: time.Second},
	}
	err := subscriber.Receive(receiving, func(_ context.Context, m *pubsub.Message) { l.received(receiving, ctx, m) })
	if err != nil && ctx.Err() == nil {
		return interruption{}, goneOr(fmt.Errorf("follow topic %s: %w", l.options.Topic, err))
	}
	stop()
	found := <-noticed
	return found, found.err
}

// received hands over one message, and acknowledges it once it is handled. Where the connection is
// given up before, the event stays on its way, and Pub/Sub brings its message again.
func (l *Listener) received(receiving, running context.Context, m *pubsub.Message) {
	event := &Event{Event: handler.Event{
		ID: m.ID, PublishTime: m.PublishTime, Data: m.Data, Attributes: m.Attributes, Subscription: l.subscription,
	}}
	if !l.options.Filter.Match(m.Attributes) {
		m.Ack()
		return
	}
	e := l.events.find(event)
	if e == nil {
		select {
		case l.held <- struct{}{}:
		case <-receiving.Done():
			m.Nack()
			return
		}
		var fresh bool
		if e, fresh = l.events.begin(event); fresh {
			l.start(running, e)
		} else {
			<-l.held
		}
	}
	select {
	case <-e.done:
	case <-receiving.Done():
		m.Nack()
		return
	}
	if !e.handled {
		m.Nack()
		return
	}
	m.Ack()
}

// watch looks at the connection until ctx ends or there is a reason to connect again. A connection is
// lost if there is no answer twice in a row: servers close connections now and then, and clients
// open others without anybody noticing.
func (l *Listener) watch(ctx context.Context, client *pubsub.Client) interruption {
	for pause, failed := l.options.CheckEvery, (time.Time{}); ; {
		// The wall clock goes on while a machine sleeps; Go's monotonic one does not everywhere.
		before := time.Now().Round(0)
		if !wait(ctx, pause) {
			return interruption{}
		}
		err := l.check(ctx, client)
		paused := time.Now().Round(0).Sub(before) - pause
		switch {
		case ctx.Err() != nil:
			return interruption{}
		case paused > asleep:
			return interruption{since: before, slept: paused}
		case errors.Is(err, ErrGone):
			return interruption{err: err}
		case err == nil:
			pause, failed = l.options.CheckEvery, time.Time{}
		case failed.IsZero():
			pause, failed = min(l.options.CheckEvery, time.Second), before
		default:
			return interruption{since: failed}
		}
	}
}

// check returns an error if Pub/Sub does not answer, and ErrGone if it says that the subscription is
// gone. Who may not look at a subscription can still receive from it.
func (l *Listener) check(ctx context.Context, client *pubsub.Client) error {
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	once := gax.WithRetry(func() gax.Retryer { return nil })
	_, err := client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: l.subscription}, once)
	if status.Code(err) == codes.PermissionDenied {
		return nil
	}
	return goneOr(err)
}

func goneOr(err error) error {
	if status.Code(err) == codes.NotFound {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// reconnect opens a client until one can be used, and says once what has happened. It reports
// whether one was found before ctx ended.
func (l *Listener) reconnect(ctx context.Context, client **pubsub.Client, why interruption) bool {
	if why.slept == 0 {
		l.note("the connection to Pub/Sub is lost; it is tried again, and events wait there meanwhile")
	}
	for pause := reconnectEvery; ; pause = min(2*pause, reconnectEveryMax) {
		fresh, err := l.options.Open(ctx)
		if err == nil {
			if err = l.check(ctx, fresh); err == nil || errors.Is(err, ErrGone) { // of which receive says more
				_ = (*client).Close()
				*client = fresh
				break
			}
			_ = fresh.Close()
		}
		if !wait(ctx, pause) {
			return false
		}
	}
	if why.slept > 0 {
		l.note(fmt.Sprintf("this machine slept, or this process was stopped, for %v; connected again", why.slept.Round(time.Second)))
		return true
	}
	l.note(fmt.Sprintf("connected again after %v", time.Since(why.since).Round(time.Second)))
	return true
}
