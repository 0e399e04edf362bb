package geminiapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

func Example() {
	gemini := httptest.NewServer(standin.NewServer(&standin.Keys{})) // instead of Google
	defer gemini.Close()
	ctx := context.Background()
	client := geminiapi.New("the API key", &geminiapi.Options{BaseURL: gemini.URL})

	registered, err := client.Create(ctx, geminiapi.Webhook{
		Name: "gemhook", URI: "https://receiver.example.com/", SubscribedEvents: []string{"batch.succeeded", "batch.failed"},
	})
	if errors.Is(err, geminiapi.ErrOutcomeUnknown) {
		fmt.Println("it may be registered all the same: look with List")
		return
	} else if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("store this now:", registered.NewSigningSecret, len(registered.NewSigningSecret.Reveal()))

	if _, err := client.Rotate(ctx, registered.ID, geminiapi.RevokeAfter24Hours); err != nil {
		fmt.Println(err)
		return
	}
	for webhook, err := range client.List(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(webhook.Name, webhook.State, len(webhook.SigningSecrets), "secrets")
	}
	// Output:
	// store this now: [signing secret] 50
	// gemhook enabled 2 secrets
}
