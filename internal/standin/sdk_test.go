package standin_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genai"
	"google.golang.org/genai/interactions"
	"google.golang.org/genai/interactions/models/apierrors"
	"google.golang.org/genai/interactions/models/operations"
	"google.golang.org/genai/interactions/models/webhooks"

	"github.com/gemhook/gemhook/internal/standin"
)

const sdkKey = "test-key"

// newSDK returns a stand-in with simulated time, and a function that makes clients of its
// WebhookService: those of Google's SDK for Go.
func newSDK(t *testing.T) (*fixture, func(apiKey string) *interactions.Webhooks) {
	t.Helper()
	f := newFixture(t, standin.ServerOptions{APIKeys: []string{sdkKey}})
	return f, func(apiKey string) *interactions.Webhooks {
		client, err := genai.NewClient(t.Context(), &genai.ClientConfig{
			APIKey: apiKey, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: f.url},
		})
		if err != nil {
			t.Fatal(err)
		}
		return client.Webhooks
	}
}

// wantAPIError wants the SDK's type of error, with a status and with words in its body.
func wantAPIError(t *testing.T, err error, status int, words string) {
	t.Helper()
	var refused *apierrors.APIError
	if !errors.As(err, &refused) || refused.StatusCode != status || !strings.Contains(refused.Body, words) {
		t.Errorf("error %v, want status %d and %q", err, status, words)
	}
}

func input(uri string, events ...string) operations.CreateWebhookRequest {
	request := operations.CreateWebhookRequest{Body: webhooks.WebhookInput{URI: uri}}
	for _, event := range events {
		request.Body.SubscribedEvents = append(request.Body.SubscribedEvents, webhooks.WebhookSubscribedEvent(event))
	}
	return request
}

// Google's SDK for Go registers, reads, changes, pings, rotates, lists and deletes a webhook.
func TestGoogleSDKForGo(t *testing.T) {
	t.Parallel()
	gemini, open := newSDK(t)
	client := open(sdkKey)
	hook := newHook(t, reply(http.StatusOK, ""))

	created, err := client.Create(t.Context(), input(hook.url, standin.SubscribableTypes()...))
	if err != nil {
		t.Fatal(err)
	}
	w := created.Webhook
	if w.GetNewSigningSecret() == nil || *w.GetState() != webhooks.WebhookStateEnabled || w.GetURI() != hook.url ||
		len(w.GetSubscribedEvents()) != len(standin.SubscribableTypes()) {
		t.Fatalf("created is in state %s and delivers to %s", *w.GetState(), w.GetURI())
	}
	id, secret := *w.GetID(), *w.GetNewSigningSecret()

	got, err := client.Get(t.Context(), operations.GetWebhookRequest{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if listed := got.Webhook.SigningSecrets; got.Webhook.NewSigningSecret != nil || len(listed) != 1 ||
		!strings.HasSuffix(secret, strings.TrimPrefix(*listed[0].TruncatedSecret, "whsec_...")) {
		t.Error("get shows the whole secret, or the end of another")
	}

	state, mask := webhooks.WebhookUpdateStateDisabled, "state"
	updated, err := client.Update(t.Context(), operations.UpdateWebhookRequest{
		ID: id, UpdateMask: &mask, Body: webhooks.WebhookUpdate{State: &state},
	})
	if err != nil || *updated.Webhook.State != webhooks.WebhookStateDisabled {
		t.Errorf("update: %v", err)
	}
	if _, err := client.Ping(t.Context(), operations.PingWebhookRequest{ID: id}); err != nil {
		t.Errorf("ping: %v", err)
	}
	gemini.WaitForPings()
	if len(hook.got) != 1 || !signedWith(t, hook.got[0], gemini.clock.Now(), secret) {
		t.Errorf("%d deliveries after a ping, want one with the secret's signature", len(hook.got))
	}

	immediately := webhooks.RevocationBehaviorRevokePreviousSecretsImmediately
	var rotated []string
	for _, behavior := range []*webhooks.RevocationBehavior{nil, &immediately} {
		answer, err := client.RotateSigningSecret(t.Context(), operations.RotateSigningSecretRequest{
			ID: id, Body: webhooks.RotateSigningSecretRequest{RevocationBehavior: behavior},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := append([]string{*answer.WebhookRotateSigningSecretResponse.Secret}, rotated...)
		if behavior == nil {
			want = append(want, secret)
		} else {
			want = want[:1]
		}
		if valid := gemini.Secrets(id); !slices.Equal(valid, want) {
			t.Errorf("%d secrets are valid, want the %d that the SDK got", len(valid), len(want))
		}
		rotated = want[:1]
	}

	second, err := client.Create(t.Context(), input(hook.url, "video.generated"))
	if err != nil {
		t.Fatal(err)
	}
	size := 1
	page, err := client.List(t.Context(), operations.ListWebhooksRequest{PageSize: &size})
	if err != nil || len(page.WebhookListResponse.Webhooks) != 1 || page.WebhookListResponse.NextPageToken == nil {
		t.Fatalf("the first page: %v", err)
	}
	page, err = client.List(t.Context(), operations.ListWebhooksRequest{PageToken: page.WebhookListResponse.NextPageToken})
	if err != nil || len(page.WebhookListResponse.Webhooks) != 1 || *page.WebhookListResponse.Webhooks[0].ID != *second.Webhook.ID {
		t.Errorf("the second page: %v", err)
	}
	if _, err := client.Delete(t.Context(), operations.DeleteWebhookRequest{ID: id}); err != nil {
		t.Errorf("delete: %v", err)
	}
	_, err = client.Get(t.Context(), operations.GetWebhookRequest{ID: id})
	wantAPIError(t, err, http.StatusNotFound, id)
	_, err = open("wrong").List(t.Context(), operations.ListWebhooksRequest{})
	wantAPIError(t, err, http.StatusBadRequest, "API_KEY_INVALID")
}

// The stand-in takes the types of event that the SDK lists, and refuses the others that Gemini's
// guide has.
func TestGoogleSDKForGoSubscribes(t *testing.T) {
	t.Parallel()
	_, open := newSDK(t)
	client := open(sdkKey)
	for _, eventType := range append(standin.EventTypes(), "batch.invented") {
		known := webhooks.WebhookSubscribedEvent(eventType)
		_, err := client.Create(t.Context(), input("https://example.com/", "batch.failed", eventType))
		if known.IsExact() {
			if err != nil {
				t.Errorf("%s: %v", eventType, err)
			}
			continue
		}
		wantAPIError(t, err, http.StatusBadRequest, eventType)
	}
}
