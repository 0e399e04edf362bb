package webhook_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/webhook"
)

// vectorFile is testdata/vectors.json; testdata/README.md says where it is from.
type vectorFile struct {
	Secrets          []string
	JWKS             jwkSet
	JWTAudience      string `json:"jwt_audience"`
	Now              int64
	ToleranceSeconds int64 `json:"tolerance_seconds"`
	Vectors          []vector
}

type vector struct {
	Name          string
	Scheme        webhook.Scheme
	Headers       map[string]string
	HeaderLines   [][2]string `json:"header_lines"`
	BodyBase64    string      `json:"body_base64"`
	SecretsActive []int       `json:"secrets_active"`
	JWKS          *jwkSet
	Expect        string
	Reason        string
	ExpectEvent   json.RawMessage `json:"expect_event"`
}

type jwkSet struct{ Keys []map[string]any }

// keySet decodes the public keys with the standard library alone, so that the vectors depend on no
// code of ours.
func (s jwkSet) keySet() webhook.KeySet {
	set := webhook.KeySet{RSA: map[string][]*rsa.PublicKey{}}
	for _, key := range s.Keys {
		field := func(name string) []byte {
			text, _ := key[name].(string)
			decoded, _ := base64.RawURLEncoding.DecodeString(text)
			return decoded
		}
		switch key["kty"] {
		case "OKP":
			set.Ed25519 = append(set.Ed25519, ed25519.PublicKey(field("x")))
		case "RSA":
			id := key["kid"].(string)
			set.RSA[id] = append(set.RSA[id], &rsa.PublicKey{
				N: new(big.Int).SetBytes(field("n")), E: int(new(big.Int).SetBytes(field("e")).Int64()),
			})
		}
	}
	return set
}

func TestVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) != 65 {
		t.Fatalf("%d vectors, want 65", len(file.Vectors))
	}
	options := &webhook.Options{
		Tolerance: time.Duration(file.ToleranceSeconds) * time.Second,
		Audience:  file.JWTAudience,
		Now:       func() time.Time { return time.Unix(file.Now, 0) },
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
			if err != nil {
				t.Fatal(err)
			}
			delivery, err := v.verify(t, &file, options, body)
			if v.Expect == "reject" {
				if !isZero(delivery) || err == nil {
					t.Fatalf("accepted, want a refusal: %s", v.Reason)
				}
				v.checkReason(t, err)
				return
			}
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if delivery.Scheme() != v.Scheme || delivery.ID() != v.Headers["webhook-id"] {
				t.Errorf("delivery %s of scheme %s, want %s of %s", delivery.ID(), delivery.Scheme(), v.Headers["webhook-id"], v.Scheme)
			}
			v.checkPayload(t, delivery.Payload(), body)
		})
	}
}

func (v *vector) verify(t *testing.T, file *vectorFile, options *webhook.Options, body []byte) (webhook.Delivery, error) {
	header := http.Header{}
	for name, value := range v.Headers {
		header.Add(name, value)
	}
	for _, line := range v.HeaderLines {
		header.Add(line[0], line[1])
	}
	if v.Scheme == webhook.SchemeV1 {
		var secrets webhook.Secrets
		for _, i := range v.SecretsActive {
			secret, err := webhook.ParseSecret(file.Secrets[i])
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, secret)
		}
		return webhook.NewStatic(webhook.Fixed(secrets), options).Verify(t.Context(), header, body)
	}
	set := file.JWKS
	if v.JWKS != nil {
		set = *v.JWKS
	}
	return webhook.NewDynamic(webhook.Fixed(set.keySet()), options).Verify(t.Context(), header, body)
}

// checkReason compares with the reasons the vectors give, as far as a receiver can tell them apart.
func (v *vector) checkReason(t *testing.T, err error) {
	want := map[string]error{
		"missing_header":   webhook.ErrMissingHeader,
		"malformed_header": webhook.ErrMalformedHeader,
		"stale_timestamp":  webhook.ErrStaleTimestamp,
		"future_timestamp": webhook.ErrStaleTimestamp,
		"bad_signature":    webhook.ErrBadSignature,
		"wrong_key":        webhook.ErrBadSignature,
	}[v.Reason]
	if v.Scheme == webhook.SchemeJWT {
		want = webhook.ErrBadToken
	}
	if want == nil || !errors.Is(err, want) {
		t.Errorf("refused with %q, want %v", err, want)
	}
}

// checkPayload wants the body as received or, for a token, the event of the claims, whatever the
// body says.
func (v *vector) checkPayload(t *testing.T, payload, body []byte) {
	if v.Scheme != webhook.SchemeJWT {
		if string(payload) != string(body) {
			t.Errorf("payload is not the body as received")
		}
		return
	}
	var got, want map[string]any
	if err := errors.Join(json.Unmarshal(payload, &got), json.Unmarshal(v.ExpectEvent, &want)); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("claim %s (-want +got):\n%s", name, diff)
		}
	}
}
