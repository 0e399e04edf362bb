package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// receive handles the deliveries of a static webhook.
func receive(verifier *webhook.Static) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// The signature is over the bytes as they were sent, not over what a parser would make of
		// them.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256<<10))
		if err != nil {
			http.Error(w, "The body is too large or was cut off.", http.StatusRequestEntityTooLarge)
			return
		}
		delivery, err := verifier.Verify(r.Context(), r.Header, body)
		if refusal := (*webhook.Refusal)(nil); errors.As(err, &refusal) {
			http.Error(w, refusal.Detail, http.StatusUnauthorized)
			return
		}
		if err != nil { // the keys are unavailable: Gemini will deliver it again
			http.Error(w, "Deliver this again.", http.StatusServiceUnavailable)
			return
		}
		fmt.Printf("%s: %s\n", delivery.ID(), delivery.Payload())
		w.WriteHeader(http.StatusNoContent)
	}
}

func Example() {
	const secret = "whsec_dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU=" // shown by Gemini when the webhook is registered
	secrets, err := webhook.ParseSecrets(secret)
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(receive(webhook.NewStatic(webhook.Fixed(secrets), nil)))
	defer server.Close()

	gemini := &standin.Keys{Secrets: []string{secret}}
	delivery, err := gemini.SignV1(standin.Delivery{ID: "msg_1", Time: time.Now(), Body: []byte(`{"type":"batch.succeeded"}`)})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := standin.Send(context.Background(), server.Client(), server.URL, delivery)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.StatusCode)

	delivery.Body = []byte(`{"type":"batch.failed"}`) // is not what was signed
	if answer, err = standin.Send(context.Background(), server.Client(), server.URL, delivery); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %s", answer.StatusCode, answer.Body)
	// Output:
	// msg_1: {"type":"batch.succeeded"}
	// 204
	// 401 No v1 signature matches an active signing secret.
}
