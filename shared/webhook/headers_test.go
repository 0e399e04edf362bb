package webhook_test

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// endpoint is a verifier and a delivery that it accepts.
type endpoint struct {
	name     string
	verifier verifier
	delivery standin.Delivery
}

func endpoints(t *testing.T) []endpoint {
	return []endpoint{
		{"v1", static(t), signV1(t, unsigned())},
		{"v1a", dynamic(t), signV1a(t, unsigned(), google())},
		{"jwt", dynamic(t), signJWT(t, unsigned(), google())},
	}
}

func TestHeadersOfAnyEndpointMustBeWellFormed(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	tests := []struct {
		name   string
		change func(http.Header)
		reason error
		detail string
	}{
		{"id missing", func(h http.Header) { h.Del("webhook-id") },
			webhook.ErrMissingHeader, "The webhook-id header is missing or empty."},
		{"id empty", set("webhook-id", ""),
			webhook.ErrMissingHeader, "The webhook-id header is missing or empty."},
		{"id repeated", func(h http.Header) { h.Add("webhook-id", "msg_1") },
			webhook.ErrMalformedHeader, "The webhook-id header must be sent once."},
		{"id empty, then set", func(h http.Header) { h["Webhook-Id"] = []string{"", "msg_1"} },
			webhook.ErrMalformedHeader, "The webhook-id header must be sent once."},
		{"id too long", set("webhook-id", strings.Repeat("a", 8193)),
			webhook.ErrMalformedHeader, "The webhook-id header is longer than 8192 bytes."},
		{"timestamp missing", func(h http.Header) { h.Del("webhook-timestamp") },
			webhook.ErrMissingHeader, "The webhook-timestamp header is missing or empty."},
		{"timestamp empty", set("webhook-timestamp", ""),
			webhook.ErrMissingHeader, "The webhook-timestamp header is missing or empty."},
		{"timestamp repeated", func(h http.Header) { h.Add("webhook-timestamp", "1769083200") },
			webhook.ErrMalformedHeader, "The webhook-timestamp header must be sent once."},
		{"timestamp too long", set("webhook-timestamp", strings.Repeat("0", 8183)+"1769083200"),
			webhook.ErrMalformedHeader, "The webhook-timestamp header is longer than 8192 bytes."},
		{"signature missing", func(h http.Header) { h.Del("webhook-signature") },
			webhook.ErrMissingHeader, "The webhook-signature header is missing or empty."},
		{"signature empty", set("webhook-signature", ""),
			webhook.ErrMissingHeader, "The webhook-signature header is missing or empty."},
		{"signature repeated", func(h http.Header) { h.Add("webhook-signature", h.Get("webhook-signature")) },
			webhook.ErrMalformedHeader, "The webhook-signature header must be sent once."},
		{"signature too long", func(h http.Header) {
			h.Set("webhook-signature", h.Get("webhook-signature")+strings.Repeat(" ", 8193-len(h.Get("webhook-signature"))))
		}, webhook.ErrMalformedHeader, "The webhook-signature header is longer than 8192 bytes."},
		{"no headers", func(h http.Header) { clear(h) },
			webhook.ErrMissingHeader, "The webhook-id header is missing or empty."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, at := range endpoints(t) {
				t.Run(at.name, func(t *testing.T) {
					test.change(at.delivery.Header)
					wantRefused(t, at.verifier, at.delivery, test.reason, test.detail)
				})
			}
		})
	}
}

func TestTimestampIsUnixSecondsInDigits(t *testing.T) {
	t.Parallel()
	for name, timestamp := range map[string]string{
		"sign":              "+1769083200",
		"negative":          "-1769083200",
		"leading space":     " 1769083200",
		"trailing space":    "1769083200 ",
		"trailing newline":  "1769083200\n",
		"fraction":          "1769083200.0",
		"exponent":          "1769083200e0",
		"hexadecimal":       "0x69721280",
		"underscore":        "1_769_083_200",
		"arabic digits":     "١٧٦٩٠٨٣٢٠٠",
		"fullwidth digits":  "１７６９０８３２００",
		"words":             "now",
		"RFC 3339":          "2026-01-22T12:00:00Z",
		"one past int64":    "9223372036854775808",
		"one past uint64":   "18446744073709551616",
		"wraps to the time": "18446744075478634816", // 1769083200 + 2⁶⁴
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, at := range endpoints(t) {
				t.Run(at.name, func(t *testing.T) {
					at.delivery.Header.Set("webhook-timestamp", timestamp)
					wantRefused(t, at.verifier, at.delivery, webhook.ErrMalformedHeader,
						"The webhook-timestamp header must be unix seconds in digits.")
				})
			}
		})
	}
}

func TestTimestampFarAheadIsStaleAndDoesNotWrap(t *testing.T) {
	t.Parallel()
	d := signV1(t, unsigned())
	d.Header.Set("webhook-timestamp", "9223372036854775807")
	wantRefused(t, static(t), d, webhook.ErrStaleTimestamp, "The webhook-timestamp header is more than 5m0s ahead.")
}

func TestHeadersMayBe8KiBLong(t *testing.T) {
	t.Parallel()
	t.Run("id", func(t *testing.T) {
		d := unsigned()
		d.ID = strings.Repeat("i", 8192)
		delivery := wantAccepted(t, static(t), signV1(t, d))
		if delivery.ID() != d.ID {
			t.Error("ID is not the webhook-id as received")
		}
	})
	t.Run("timestamp", func(t *testing.T) {
		d := signV1(t, unsigned())
		timestamp := strings.Repeat("0", 8182) + "1769083200"
		d.Header.Set("webhook-timestamp", timestamp)
		d.Header.Set("webhook-signature", signText(t, "msg_1."+timestamp+"."+string(d.Body)))
		delivery := wantAccepted(t, static(t), d)
		if delivery.Timestamp() != timestamp || !delivery.Time().Equal(now) {
			t.Errorf("Time = %s, and Timestamp may not be as received", delivery.Time())
		}
	})
	t.Run("signature", func(t *testing.T) {
		d := signV1(t, unsigned())
		d.Header.Set("webhook-signature", strings.Repeat(" ", 8192-len(signature(d)))+signature(d))
		wantAccepted(t, static(t), d)
	})
}

// signText signs text that no well-behaved sender would.
func signText(t *testing.T, text string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(google().Secrets[0], "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestTolerance(t *testing.T) {
	t.Parallel()
	const old, ahead = "The webhook-timestamp header is more than %s old.", "The webhook-timestamp header is more than %s ahead."
	tests := []struct {
		name      string
		tolerance time.Duration
		now       time.Time
		detail    string // empty: accepted
	}{
		{"default, at its end", 0, now.Add(5 * time.Minute), ""},
		{"default, in its last second", 0, now.Add(5*time.Minute + time.Second - 1), ""},
		{"default, after it", 0, now.Add(5*time.Minute + time.Second), old},
		{"default, at its beginning", 0, now.Add(-5 * time.Minute), ""},
		{"default, before it", 0, now.Add(-5*time.Minute - 1), ahead},
		{"10s, at its end", 10 * time.Second, now.Add(10 * time.Second), ""},
		{"10s, after it", 10 * time.Second, now.Add(11 * time.Second), old},
		{"10s, at its beginning", 10 * time.Second, now.Add(-10 * time.Second), ""},
		{"10s, before it", 10 * time.Second, now.Add(-11 * time.Second), ahead},
		{"parts of a second do not count", 1999 * time.Millisecond, now.Add(2 * time.Second), old},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options := &webhook.Options{Tolerance: test.tolerance, Now: func() time.Time { return test.now }}
			for _, at := range []endpoint{
				{"v1", webhook.NewStatic(webhook.Fixed(secretsOf(t, 1)), options), signV1(t, unsigned())},
				{"v1a", webhook.NewDynamic(webhook.Fixed(keySetOf(t, google())), options), signV1a(t, unsigned(), google())},
			} {
				t.Run(at.name, func(t *testing.T) {
					if test.detail == "" {
						wantAccepted(t, at.verifier, at.delivery)
						return
					}
					tolerance := cmp.Or(test.tolerance, 5*time.Minute)
					wantRefused(t, at.verifier, at.delivery, webhook.ErrStaleTimestamp, fmt.Sprintf(test.detail, tolerance))
				})
			}
		})
	}
}
