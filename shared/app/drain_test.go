package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// On SIGTERM a process waits for the requests that run until their answers are sent, but not too
// long.
func TestDrain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		requests []time.Duration // how long each runs
		limit    time.Duration
		want     time.Duration // how long drain waits
	}{
		"nothing runs":           {nil, time.Minute, 0},
		"waits for the last":     {[]time.Duration{time.Second, 3 * time.Second}, time.Minute, 3*time.Second + sending},
		"no longer than allowed": {[]time.Duration{time.Hour}, 9 * time.Second, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running sync.WaitGroup
				defer running.Wait()
				begin := time.Now()
				next := make(chan time.Duration, len(test.requests))
				d := &drainer{handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(<-next) })}
				for _, length := range test.requests {
					next <- length
					running.Go(func() {
						d.ServeHTTP(slowConnection{httptest.NewRecorder()}, httptest.NewRequest(http.MethodPost, "/", nil))
					})
				}
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				d.drain(ctx)
				if waited := time.Since(begin); waited != test.want {
					t.Errorf("drain waited for %s, want %s", waited, test.want)
				}
			})
		})
	}
}

// sending is how long an answer is under way.
const sending = time.Second

// A slowConnection takes a while to send an answer.
type slowConnection struct{ *httptest.ResponseRecorder }

func (c slowConnection) Flush() { time.Sleep(sending) }
