package geminiapi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

// The whole life of a webhook, at the stand-in.
func TestLifecycle(t *testing.T) {
	ctx := t.Context()
	gemini, client := standIn(t)
	var delivered []string
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		delivered = append(delivered, string(body))
	}))
	defer endpoint.Close()

	created, err := client.Create(ctx, geminiapi.Webhook{
		ID: "ignored", Name: "n", URI: endpoint.URL, SubscribedEvents: []string{"batch.failed", "video.generated"},
		State: geminiapi.StateDisabled, CreateTime: start.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	secrets := gemini.Secrets(created.ID)
	if len(secrets) != 1 || created.NewSigningSecret.Reveal() != secrets[0] {
		t.Fatal("the secret is not the webhook's")
	}
	want := &geminiapi.Webhook{
		ID: created.ID, Name: "n", URI: endpoint.URL, SubscribedEvents: []string{"batch.failed", "video.generated"},
		State:          geminiapi.StateEnabled,
		SigningSecrets: []geminiapi.SigningSecret{{TruncatedSecret: "whsec_..." + secrets[0][len(secrets[0])-4:]}},
		CreateTime:     start, UpdateTime: start,
	}
	created.NewSigningSecret = geminiapi.Secret{}
	wantWebhook(t, "create", created, nil, want)
	got, err := client.Get(ctx, created.ID)
	wantWebhook(t, "get", got, err, want)

	want.Name, want.State = "", geminiapi.StateDisabled
	got, err = client.Update(ctx, created.ID, geminiapi.Webhook{State: geminiapi.StateDisabled, URI: "ignored"}, "state", "name")
	wantWebhook(t, "update", got, err, want)
	want.Name, want.State, want.SubscribedEvents = "m", geminiapi.StateEnabled, []string{"batch.succeeded"}
	got, err = client.Update(ctx, created.ID, geminiapi.Webhook{Name: "m", SubscribedEvents: []string{"batch.succeeded"}, State: geminiapi.StateEnabled})
	wantWebhook(t, "update", got, err, want)

	err = client.Ping(ctx, created.ID)
	if gemini.WaitForPings(); err != nil || len(delivered) != 1 || !strings.Contains(delivered[0], created.ID) {
		t.Errorf("ping: %v, deliveries %v", err, delivered)
	}

	rotated, err := client.Rotate(ctx, created.ID, geminiapi.RevokeAfter24Hours)
	if err != nil || !slices.Equal(gemini.Secrets(created.ID), []string{rotated.Reveal(), secrets[0]}) {
		t.Errorf("rotation: %v, and the secrets are not the new and the old one", err)
	}
	if got, err = client.Get(ctx, created.ID); err != nil || len(got.SigningSecrets) != 2 ||
		!got.SigningSecrets[0].ExpireTime.IsZero() || !got.SigningSecrets[1].ExpireTime.Equal(start.Add(24*time.Hour)) {
		t.Errorf("after the rotation: %+v, %v", got, err)
	}
	if rotated, err = client.Rotate(ctx, created.ID, geminiapi.RevokeImmediately); err != nil || !slices.Equal(gemini.Secrets(created.ID), []string{rotated.Reveal()}) {
		t.Errorf("rotation: %v, and the secret is not the new one alone", err)
	}
	if _, err = client.Rotate(ctx, created.ID, ""); err != nil || len(gemini.Secrets(created.ID)) != 2 {
		t.Errorf("rotation by default: %v, %d secrets, want 2", err, len(gemini.Secrets(created.ID)))
	}

	if err := client.Delete(ctx, created.ID); err != nil {
		t.Error(err)
	}
	if err := client.Delete(ctx, created.ID); !errors.Is(err, geminiapi.ErrNotFound) {
		t.Errorf("second deletion: %v, want ErrNotFound", err)
	}
}

func wantWebhook(t *testing.T, call string, got *geminiapi.Webhook, err error, want *geminiapi.Webhook) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", call, err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b geminiapi.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("%s (-want +got):\n%s", call, diff)
	}
}

func TestList(t *testing.T) {
	_, client := standIn(t)
	if all := collect(t, client); len(all) != 0 {
		t.Errorf("%d webhooks at first", len(all))
	}
	for i := range 5 { // pages of 2, 2 and 1
		if _, err := client.Create(t.Context(), geminiapi.Webhook{Name: fmt.Sprint(i), URI: "https://example.com/", SubscribedEvents: []string{"batch.failed"}}); err != nil {
			t.Fatal(err)
		}
	}
	var names string
	for _, w := range collect(t, client) {
		names += w.Name
	}
	if names != "01234" {
		t.Errorf("listed %s, want 01234", names)
	}
}

func TestListAsksOnlyForWhatIsRead(t *testing.T) {
	s, client, _ := serve(t, reply(200, `{"webhooks":[{"id":"a"},{"id":"b"}],"next_page_token":"t&1"}`), reply(404, `{}`))
	for range client.List(t.Context()) {
		break
	}
	if len(s.requests()) != 1 || s.requests()[0].uri != "/v1beta/webhooks" {
		t.Errorf("requests = %v, want one, without a page size", s.requests())
	}

	s, client, _ = serve(t, s.replies...)
	var got []string
	for w, err := range client.List(t.Context()) {
		if err != nil {
			got = append(got, fmt.Sprint(errors.Is(err, geminiapi.ErrNotFound), w == nil))
			continue
		}
		got = append(got, w.ID)
	}
	if want := []string{"a", "b", "true true"}; !slices.Equal(got, want) || s.requests()[1].uri != "/v1beta/webhooks?page_token=t%261" {
		t.Errorf("got %v by %s, want %v", got, s.requests()[1].uri, want)
	}

	// A service that never comes to an end does not keep its caller.
	_, client, _ = serve(t, reply(200, `{"next_page_token":"same"}`), reply(200, `{"next_page_token":"same"}`))
	for _, err := range client.List(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("error = %v", err)
		}
	}
}

func TestRequests(t *testing.T) {
	ctx := t.Context()
	tests := []struct {
		name              string
		call              func(*geminiapi.Client) error
		method, uri, body string
	}{
		{"create", func(c *geminiapi.Client) error {
			_, err := c.Create(ctx, geminiapi.Webhook{URI: "https://x/?a&b", SubscribedEvents: []string{"batch.failed"}})
			return err
		}, "POST", "/v1beta/webhooks", `{"uri":"https://x/?a\u0026b","subscribed_events":["batch.failed"]}`},
		{"get", func(c *geminiapi.Client) error { _, err := c.Get(ctx, "a é"); return err }, "GET", "/v1beta/webhooks/a%20%C3%A9", ""},
		{"update", func(c *geminiapi.Client) error {
			_, err := c.Update(ctx, "w", geminiapi.Webhook{Name: "n"}, "subscribed_events", "uri")
			return err
		}, "PATCH", "/v1beta/webhooks/w?update_mask=subscribed_events%2Curi", `{"subscribed_events":[],"uri":""}`},
		{"update what is set", func(c *geminiapi.Client) error {
			_, err := c.Update(ctx, "w", geminiapi.Webhook{ID: "v", URI: "u", State: "enabled"})
			return err
		}, "PATCH", "/v1beta/webhooks/w?update_mask=state%2Curi", `{"state":"enabled","uri":"u"}`},
		{"delete", func(c *geminiapi.Client) error { return c.Delete(ctx, "w") }, "DELETE", "/v1beta/webhooks/w", ""},
		{"ping", func(c *geminiapi.Client) error { return c.Ping(ctx, "w") }, "POST", "/v1beta/webhooks/w:ping", "{}"},
		{"rotate", func(c *geminiapi.Client) error { _, err := c.Rotate(ctx, "w", ""); return err }, "POST", "/v1beta/webhooks/w:rotateSigningSecret", "{}"},
		{"rotate at once", func(c *geminiapi.Client) error { _, err := c.Rotate(ctx, "w", geminiapi.RevokeImmediately); return err },
			"POST", "/v1beta/webhooks/w:rotateSigningSecret", `{"revocation_behavior":"revoke_previous_secrets_immediately"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, client, _ := serve(t, reply(200, `{"secret":"whsec_x","later":[{"invented":1}]}`))
			if err := test.call(client); err != nil || len(s.requests()) != 1 {
				t.Fatalf("%d requests, %v", len(s.requests()), err)
			}
			r := s.requests()[0]
			if r.method != test.method || r.uri != test.uri || r.body != test.body {
				t.Errorf("request = %s %s %s, want %s %s %s", r.method, r.uri, r.body, test.method, test.uri, test.body)
			}
			if contentType := r.header.Get("Content-Type"); (contentType == "application/json") != (test.body != "") {
				t.Errorf("content type %q", contentType)
			}
			if r.header.Get("x-goog-api-key") != apiKey || strings.Contains(r.uri+r.body, apiKey) {
				t.Error("the key is not in its header alone")
			}
		})
	}
}

func TestOptions(t *testing.T) {
	s, _, p := serve(t, reply(200, `{}`), reply(200, `{}`), reply(200, `{}`))
	ts := httptest.NewServer(s)
	defer ts.Close()
	opts := p.options(ts.URL + "/proxy/")
	opts.Version, opts.PageSize = "v1", 7
	if collect(t, geminiapi.New("", opts)); s.requests()[0].uri != "/proxy/v1/webhooks?page_size=7" || s.requests()[0].header["X-Goog-Api-Key"] != nil {
		t.Errorf("request = %+v", s.requests()[0])
	}

	var asked string
	opts = &geminiapi.Options{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.String()
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{}}, nil
	})}}
	if collect(t, geminiapi.New(apiKey, opts)); asked != "https://generativelanguage.googleapis.com/v1beta/webhooks" {
		t.Errorf("by default %s is asked", asked)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRefusedBeforeSending(t *testing.T) {
	ctx := t.Context()
	s, client, _ := serve(t)
	for name, call := range map[string]func() error{
		"get nothing":      func() error { _, err := client.Get(ctx, ""); return err },
		"get the parent":   func() error { _, err := client.Get(ctx, ".."); return err },
		"get below":        func() error { _, err := client.Get(ctx, "a/b"); return err },
		"get a method":     func() error { _, err := client.Get(ctx, "a:ping"); return err },
		"delete a query":   func() error { return client.Delete(ctx, "a?b") },
		"update nothing":   func() error { _, err := client.Update(ctx, "w", geminiapi.Webhook{ID: "w"}); return err },
		"update the id":    func() error { _, err := client.Update(ctx, "w", geminiapi.Webhook{ID: "w"}, "id"); return err },
		"no URL":           func() error { return geminiapi.New(apiKey, &geminiapi.Options{BaseURL: "localhost:80"}).Ping(ctx, "w") },
		"URL with a query": func() error { return geminiapi.New(apiKey, &geminiapi.Options{BaseURL: "http://h/?x"}).Ping(ctx, "w") },
		"URL with password": func() error {
			return geminiapi.New(apiKey, &geminiapi.Options{BaseURL: "http://u:secret@h/"}).Ping(ctx, "w")
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := call(); !errors.Is(err, geminiapi.ErrInvalid) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want ErrInvalid", err)
			}
		})
	}
	if len(s.requests()) != 0 {
		t.Errorf("%d requests were sent", len(s.requests()))
	}
}
