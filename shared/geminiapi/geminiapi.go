// Package geminiapi is a client of the Gemini API's WebhookService, with which a project registers
// the endpoints that its events are delivered to.
//
//	client := geminiapi.New(apiKey, nil)
//	registered, err := client.Create(ctx, geminiapi.Webhook{
//		Name:             "gemhook",
//		URI:              "https://receiver.example.com/",
//		SubscribedEvents: []string{"batch.succeeded", "batch.failed"},
//	})
//	if errors.Is(err, geminiapi.ErrOutcomeUnknown) {
//		// It may be registered all the same: look with List.
//	}
//	store(registered.NewSigningSecret.Reveal()) // Gemini shows it only this once
//
// It also reads what events point to: batch jobs and their responses, interactions, video
// operations, and the content of files.
//
//	batch, err := client.Batch(ctx, "batches/abc")
//	download, err := client.Download(ctx, batch.ResponsesFile)
//
// # Errors
//
// What Gemini refuses is an *Error, and errors.Is finds the kind of refusal in it: ErrNotFound,
// ErrPermission, ErrInvalid and the others. Without an answer the error is the connection's.
//
// # Retries
//
// A call that got no answer, 429 (too many requests) or 5xx is made again, at most
// Options.MaxAttempts times in all, after a random part of a time that doubles from half a second
// to eight. An answer's Retry-After makes the wait longer; one of more than a minute ends the call,
// because its caller can judge better whether to wait.
//
// Create is the exception. Each registration brings deliveries and a secret of its own, and nothing
// in the request would let Gemini recognise a second one as a copy. So a create is made again only
// after 429, or if no connection came about: then Gemini has done nothing. Otherwise it ends with
// ErrOutcomeUnknown.
//
// # Secrets
//
// The API key travels in the header x-goog-api-key to the host of Options.BaseURL and nowhere else:
// only downloads follow redirects, without the key where they lead to another host, and a message
// of Gemini's that quotes the key has it cut out. Neither a Client nor a Secret shows what it keeps
// to a log or a format verb.
//
// The package depends on no other module. Its facts about the service come from the reference at
// ai.google.dev/api/webhooks and from Google's JavaScript SDK.
package geminiapi

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/retry"
)

// DefaultBaseURL is where Google serves the API.
const DefaultBaseURL = "https://generativelanguage.googleapis.com"

// Options are the options of New. A nil *Options is the zero Options.
type Options struct {
	BaseURL string // without the version; empty means DefaultBaseURL
	Version string // empty means v1beta

	// HTTPClient sends the requests, but never follows a redirect. Nil means one that gives up an
	// attempt after 30 seconds.
	HTTPClient *http.Client

	MaxAttempts int // of one call, the first included; 0 means 5
	PageSize    int // how many webhooks List asks for at once, at most 1000; 0 leaves it to Gemini, which sends 50

	// Now is the clock, for a Retry-After that is a date; nil means time.Now.
	Now func() time.Time

	// Wait waits for a duration or until the context ends, whose error it then returns; nil means a
	// timer.
	Wait func(context.Context, time.Duration) error

	// Jitter returns a number in [0, 1), the part of the longest wait that is waited; nil means
	// math/rand/v2.Float64.
	Jitter func() float64
}

// A Client calls the WebhookService of one project. It is safe for concurrent use.
type Client struct {
	key     func() string // a function: of anything else fmt could show what is inside
	base    string        // up to and including the version, without a slash at the end
	baseErr error         // what is wrong with Options.BaseURL
	http    http.Client
	opts    Options
}

// New returns a client that calls with an API key; an empty key sends none. A BaseURL that is not
// an http or https URL fails every call.
func New(key string, opts *Options) *Client {
	c := &Client{key: func() string { return key }}
	if opts != nil {
		c.opts = *opts
	}
	c.opts.setDefaults()
	c.http = *c.opts.HTTPClient
	// net/http takes x-goog-api-key along to another host.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if !isBaseURL(c.opts.BaseURL) {
		c.baseErr = fmt.Errorf("%w: the base URL is not an http or https URL", ErrInvalid)
	}
	c.base = strings.TrimRight(c.opts.BaseURL, "/") + "/" + url.PathEscape(c.opts.Version)
	return c
}

func isBaseURL(text string) bool {
	base, err := url.Parse(text)
	return err == nil && (base.Scheme == "http" || base.Scheme == "https") && base.Host != "" &&
		base.User == nil && base.RawQuery == "" && base.Fragment == ""
}

func (o *Options) setDefaults() {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.Version == "" {
		o.Version = "v1beta"
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 5
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = retry.Wait
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
}

// String names the client without its key.
func (c *Client) String() string { return "geminiapi.Client(" + c.base + ")" }

// Format writes String for every verb.
func (c *Client) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, c.String()) }

// LogValue is String.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Create registers a webhook by its Name, URI and SubscribedEvents; what else w holds is not sent.
// The answer alone has NewSigningSecret.
//
// An error that errors.Is ErrOutcomeUnknown may have registered the webhook all the same. Its
// secret is lost then: List, and Delete it or Rotate.
func (c *Client) Create(ctx context.Context, w Webhook) (*Webhook, error) {
	sent := struct {
		Name             string   `json:"name,omitempty"`
		URI              string   `json:"uri"`
		SubscribedEvents []string `json:"subscribed_events"`
	}{w.Name, w.URI, w.SubscribedEvents}
	created := new(Webhook)
	if _, err := c.do(ctx, call{method: http.MethodPost, once: true, body: sent, answer: created}); err != nil {
		return nil, fmt.Errorf("create webhook: %w", err)
	}
	return created, nil
}

// List returns every webhook of the project, and asks for the next page when the range gets there.
// An error is the last pair.
func (c *Client) List(ctx context.Context) iter.Seq2[*Webhook, error] {
	return func(yield func(*Webhook, error) bool) {
		query := url.Values{}
		if c.opts.PageSize != 0 {
			query.Set("page_size", fmt.Sprint(c.opts.PageSize))
		}
		for {
			var page struct {
				Webhooks      []*Webhook `json:"webhooks"`
				NextPageToken string     `json:"next_page_token"`
			}
			if _, err := c.do(ctx, call{method: http.MethodGet, query: query, answer: &page}); err != nil {
				yield(nil, fmt.Errorf("list webhooks: %w", err))
				return
			}
			for _, w := range page.Webhooks {
				if !yield(w, nil) {
					return
				}
			}
			if page.NextPageToken == "" {
				return
			}
			if page.NextPageToken == query.Get("page_token") {
				yield(nil, fmt.Errorf("list webhooks: %w: the next page has the token of this one", ErrMalformedAnswer))
				return
			}
			query.Set("page_token", page.NextPageToken)
		}
	}
}

// Get returns a webhook.
func (c *Client) Get(ctx context.Context, id string) (*Webhook, error) {
	w := new(Webhook)
	if _, err := c.do(ctx, call{method: http.MethodGet, hasID: true, id: id, answer: w}); err != nil {
		return nil, fmt.Errorf("get webhook %q: %w", id, err)
	}
	return w, nil
}

// Update changes the named fields of a webhook to what w has, and returns the webhook. The fields
// that can be changed are "name", "uri", "subscribed_events" and "state"; without any named, those
// that are not empty in w are changed.
func (c *Client) Update(ctx context.Context, id string, w Webhook, fields ...string) (*Webhook, error) {
	// The body has the fields of the mask and no others: Gemini has been seen to go by the body and
	// ignore the mask.
	body, err := w.changes(fields)
	if err != nil {
		return nil, fmt.Errorf("update webhook %q: %w", id, err)
	}
	query := url.Values{"update_mask": {strings.Join(sortedNames(body), ",")}}
	updated := new(Webhook)
	if _, err := c.do(ctx, call{method: http.MethodPatch, hasID: true, id: id, query: query, body: body, answer: updated}); err != nil {
		return nil, fmt.Errorf("update webhook %q: %w", id, err)
	}
	return updated, nil
}

// Delete removes a webhook.
func (c *Client) Delete(ctx context.Context, id string) error {
	unsure, err := c.do(ctx, call{method: http.MethodDelete, hasID: true, id: id})
	if isNotFound(err) && unsure {
		return nil // an earlier attempt, whose answer was lost, removed it
	}
	if err != nil {
		return fmt.Errorf("delete webhook %q: %w", id, err)
	}
	return nil
}

// Ping has Gemini send a signed test delivery to a webhook; success says nothing about whether that
// arrives. A ping whose answer is lost is made again, so that two deliveries can come of one.
func (c *Client) Ping(ctx context.Context, id string) error {
	if _, err := c.do(ctx, call{method: http.MethodPost, hasID: true, id: id, verb: ":ping", body: struct{}{}}); err != nil {
		return fmt.Errorf("ping webhook %q: %w", id, err)
	}
	return nil
}

// Rotate makes a new signing secret for a webhook and returns it; Gemini shows it only this once.
// The empty behavior leaves it to Gemini, which chooses RevokeAfter24Hours.
//
// A rotation whose answer is lost is made again: nobody can know the secret that it made, and one
// that is never used does no harm.
func (c *Client) Rotate(ctx context.Context, id string, behavior RevocationBehavior) (Secret, error) {
	sent := struct {
		Behavior RevocationBehavior `json:"revocation_behavior,omitempty"`
	}{behavior}
	var rotated struct {
		Secret Secret `json:"secret"`
	}
	if _, err := c.do(ctx, call{
		method: http.MethodPost, hasID: true, id: id, verb: ":rotateSigningSecret", body: sent, answer: &rotated,
	}); err != nil {
		return Secret{}, fmt.Errorf("rotate signing secret of webhook %q: %w", id, err)
	}
	if rotated.Secret.IsZero() {
		return Secret{}, fmt.Errorf("rotate signing secret of webhook %q: %w: no secret in it", id, ErrMalformedAnswer)
	}
	return rotated.Secret, nil
}
