package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

// Of 200 simultaneous deliveries to three processes, one is published.
func TestSimultaneousDeliveriesOfOneWebhookID(t *testing.T) {
	const deliveries = 200
	b, g := newProject(t), newGemini(t)
	var processes []*receiverProcess
	for range 3 {
		p := startProcess(t, environment(b, g, nil))
		// Its connections are open when the many come, and the emulators have done this before.
		d, path := signed(g, gemini.NewDelivery(standin.Event("batch.succeeded")), standin.SchemeV1)
		if _, err := standin.Deliver(t.Context(), nil, p.url+path, d, nil); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
	}
	b.received(topicID, len(processes))
	for _, scheme := range []string{standin.SchemeV1, standin.SchemeV1a, standin.SchemeJWT} {
		t.Run(scheme, func(t *testing.T) {
			d, path := signed(g, gemini.NewDelivery(standin.EventAt("batch.succeeded", "batch_"+scheme, time.Now())), scheme)

			var mu sync.Mutex
			first := map[string]int{} // answers to each sender's first attempt
			ids := map[string]bool{}
			begin := make(chan struct{})
			var senders sync.WaitGroup
			for i := range deliveries {
				url := processes[i%len(processes)].url + path
				senders.Go(func() {
					<-begin
					answer, err := standin.Deliver(t.Context(), nil, url, d, &standin.DeliverOptions{
						Attempts: 20, Backoff: 20 * time.Millisecond, MaxBackoff: time.Second,
						Wait: testkit.WaitBriefly, // not as long as Retry-After asks for
						Observe: func(attempt int, answer *standin.Answer, err error) {
							mu.Lock()
							defer mu.Unlock()
							switch {
							case err != nil:
								first[err.Error()]++
							case attempt == 1:
								first[fmt.Sprintf("%d %s%s", answer.StatusCode, answer.Status, answer.Error)]++
							}
						},
					})
					if err != nil {
						t.Errorf("never acknowledged: %v", err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					ids[answer.MessageID] = true
				})
			}
			close(begin)
			senders.Wait()

			t.Logf("first answers: %v", first)
			if first["200 published"] != 1 || first["200 published"]+first["200 duplicate"]+first["409 in_flight"] != deliveries {
				t.Errorf("first answers %v, want one published and the rest duplicate or in_flight", first)
			}
			if len(ids) != 1 {
				t.Errorf("acknowledged with message ids %v, want one", ids)
			}
			if messages := b.received(topicID, 1); len(messages) != 1 {
				t.Errorf("%d messages on the topic, want 1", len(messages))
			}
		})
	}
}
