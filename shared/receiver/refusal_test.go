package receiver_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// TestRefusals takes a good delivery of each scheme and changes one thing about it. Nothing that is
// refused reaches a backend.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const (
		id, timestamp, signature = standin.HeaderID, standin.HeaderTimestamp, standin.HeaderSignature

		notSeconds   = "The webhook-timestamp header must be unix seconds in digits."
		noV1         = "No v1 signature matches an active signing secret."
		noV1a        = "No v1a signature matches a key of Google's key set."
		noDynamic    = "The dynamic URL takes v1a signatures and RS256 tokens, and there is none."
		toDynamic    = "This is a delivery of a dynamic webhook: send it to the dynamic URL of its tenant."
		wrongToken   = "The token in this URL is not the tenant's."
		tooOld       = "The webhook-timestamp header is more than 5m0s old."
		tooFarAhead  = "The webhook-timestamp header is more than 5m0s ahead."
		notForUs     = "The token is for another audience."
		tokenExpired = "The token has expired."
	)
	type change = func(*standin.Delivery)
	set := func(name string, values ...string) change {
		return func(d *standin.Delivery) { d.Header[http.CanonicalHeaderKey(name)] = values }
	}
	drop := func(name string) change { return func(d *standin.Delivery) { d.Header.Del(name) } }
	repeat := func(name string) change {
		return func(d *standin.Delivery) { d.Header.Add(name, d.Header.Get(name)) }
	}
	keep := func(*standin.Delivery) {}

	b := newFixture(t)
	type signer = func(standin.Delivery) standin.Delivery
	at := func(by time.Duration, sign signer) signer {
		return func(d standin.Delivery) standin.Delivery {
			d.Time = d.Time.Add(by)
			return sign(d)
		}
	}
	tokenFor := func(audience string, life time.Duration) signer {
		return func(d standin.Delivery) standin.Delivery {
			return b.must(testKeys().SignJWT(d, 0, audience, b.time().Add(-time.Hour), b.time().Add(life)))
		}
	}
	otherSecret := func(d standin.Delivery) standin.Delivery {
		return b.must(testKeys().SignV1(d, "whsec_"+strings.Repeat("QUJD", 8)))
	}
	otherToken := keyOf(dynamicKey).Token("umbrella")
	otherKeysToken := keyOf("dynkey_another-key-of-the-tests-0123456789").Token(tenantName)

	type refusal struct {
		name    string
		path    string
		sign    signer
		change  change
		status  int
		code    string
		message string
	}
	tests := []refusal{
		{"changed body", "/", b.v1, func(d *standin.Delivery) { d.Body = append(d.Body, ' ') }, 401, "bad_signature", noV1},
		{"changed id", "/", b.v1, set(id, "msg_other"), 401, "bad_signature", noV1},
		{"another secret", "/", otherSecret, keep, 401, "bad_signature", noV1},
		{"no signature of a version", "/", b.v1, set(signature, "v2,AAAA"), 401, "bad_signature", noV1},
		{"v1 without signature", "/", b.v1, set(signature, "v1,"), 401, "bad_signature", noV1},
		{"stale", "/", at(-301*time.Second, b.v1), keep, 401, "stale_timestamp", tooOld},
		{"ahead", "/", at(301*time.Second, b.v1), keep, 401, "stale_timestamp", tooFarAhead},
		{"v1a at the static URL", "/", b.v1a, keep, 401, "dynamic_url_required", toDynamic},
		{"token at the static URL", "/", b.jwt, keep, 401, "dynamic_url_required", toDynamic},

		{"changed body", dynamicPath, b.v1a, func(d *standin.Delivery) { d.Body = append(d.Body, ' ') }, 401, "bad_signature", noV1a},
		{"v1 at the dynamic URL", dynamicPath, b.v1, keep, 401, "bad_signature", noDynamic},
		{"stale", dynamicPath, at(-301*time.Second, b.v1a), keep, 401, "stale_timestamp", tooOld},
		{"ahead", dynamicPath, at(301*time.Second, b.v1a), keep, 401, "stale_timestamp", tooFarAhead},
		{"token for another audience", dynamicPath, tokenFor("others", time.Hour), keep, 401, "bad_token", notForUs},
		{"token expired", dynamicPath, tokenFor(audience, 0), keep, 401, "bad_token", tokenExpired},

		{"token of another tenant", "/dynamic/acme/" + otherToken, b.v1a, keep, 401, "unknown_token", wrongToken},
		{"token of another key", "/dynamic/acme/" + otherKeysToken, b.v1a, keep, 401, "unknown_token", wrongToken},
		{"another tenant's name", "/dynamic/umbrella/" + dynamicToken, b.v1a, keep, 401, "unknown_token", wrongToken},
		{"padded token", dynamicPath + "=", b.v1a, keep, 401, "unknown_token", wrongToken},
		{"token cut short", dynamicPath[:len(dynamicPath)-1], b.v1a, keep, 401, "unknown_token", wrongToken},
		{"token in capitals", "/dynamic/acme/" + strings.ToUpper(dynamicToken), b.v1a, keep, 401, "unknown_token", wrongToken},
		{"wrong token before bad headers", "/dynamic/acme/x", b.v1a, drop(id), 401, "unknown_token", wrongToken},
	}
	for _, path := range []string{"/", dynamicPath} {
		sign := b.v1
		if path == dynamicPath {
			sign = b.v1a
		}
		for _, name := range []string{id, timestamp, signature} {
			missing := fmt.Sprintf("The %s header is missing or empty.", name)
			tests = append(tests, []refusal{
				{name + " missing", path, sign, drop(name), 400, "missing_header", missing},
				{name + " empty", path, sign, set(name, ""), 400, "missing_header", missing},
				{name + " repeated", path, sign, repeat(name), 400, "malformed_header", fmt.Sprintf("The %s header must be sent once.", name)},
				{name + " twice empty", path, sign, set(name, "", ""), 400, "malformed_header", fmt.Sprintf("The %s header must be sent once.", name)},
				{name + " too long", path, sign, set(name, strings.Repeat("1", 8193)), 400, "malformed_header", fmt.Sprintf("The %s header is longer than 8192 bytes.", name)},
			}...)
		}
		for _, text := range []string{"now", "1769083200.0", "-1769083200", "+1769083200", " 1769083200", "0x697211c0", "1_769_083_200", "1e9", "99999999999999999999", "１７６９０８３２００", "2026-01-22T12:00:00Z"} {
			tests = append(tests, refusal{"timestamp " + text, path, sign, set(timestamp, text), 400, "malformed_header", notSeconds})
		}
	}
	for _, test := range tests {
		endpoint := "static"
		if test.path != "/" {
			endpoint = "dynamic" // its path holds a token
		}
		t.Run(endpoint+", "+test.name, func(t *testing.T) {
			d := test.sign(b.delivery("msg_1"))
			test.change(&d)
			a := b.post(test.path, d)
			if a.Code != test.status || a.Error != test.code || a.Message != test.message {
				t.Errorf("answer %d %s %q, want %d %s %q", a.Code, a.Error, a.Message, test.status, test.code, test.message)
			}
			if names := slices.Collect(maps.Keys(a.Header)); len(names) != 2 {
				t.Errorf("headers %v, want Content-Type and Content-Length alone", names)
			}
		})
	}
	b.untouched()
}

// TestAtTheTolerance is the other side of the boundary.
func TestAtTheTolerance(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for id, by := range map[string]time.Duration{"msg_old": -300 * time.Second, "msg_ahead": 300 * time.Second} {
		d := b.delivery(id)
		d.Time = d.Time.Add(by)
		b.succeeded(b.post("/", b.v1(d)), "published", id)
		b.succeeded(b.post(dynamicPath, b.v1a(d)), "published", id)
	}
}

// TestLongestHeaders is the other side of that boundary.
func TestLongestHeaders(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	id := strings.Repeat("i", 8192)
	d := b.v1(b.delivery(id))
	list := d.Header.Get(standin.HeaderSignature)
	d.Header.Set(standin.HeaderSignature, "v9,"+strings.Repeat("A", 8192-len("v9, ")-len(list))+" "+list)
	b.succeeded(b.post("/", d), "published", id)
}

// TestRotation has deliveries signed with any of the secrets, and with an unknown one beside.
func TestRotation(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for i, secret := range testKeys().Secrets {
		id := fmt.Sprintf("msg_%d", i)
		d := b.must(testKeys().SignV1(b.delivery(id), "whsec_"+strings.Repeat("QUJD", 8), secret))
		b.succeeded(b.post("/", d), "published", id)
	}
}
