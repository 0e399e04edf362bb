package e2e

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

// vectors is the file of published signature vectors, as far as it is needed here.
type vectors struct {
	Secrets     []string
	JWTAudience string `json:"jwt_audience"`
	Now         int64
	Vectors     []vector
}

type vector struct {
	Name          string
	Scheme        string
	Headers       map[string]string
	BodyBase64    string `json:"body_base64"`
	BodyKind      string `json:"body_kind"`
	SecretsActive []int  `json:"secrets_active"`
	Expect        string
	Reason        string
	ReasonAlso    []string        `json:"reason_also"`
	ExpectEvent   json.RawMessage `json:"expect_event"`
}

// TestFreshVectors makes each vector again for the present (same body, same faults, a webhook-id of
// its own) and delivers it to the built receivers of both platforms.
func TestFreshVectors(t *testing.T) {
	t.Parallel()
	var file vectors
	vectorFile(t, "vectors.json", &file)
	signers := newResigner(t)
	for name, open := range entrances {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, g := newProject(t), newGemini(t)
			receivers := map[string]entrance{} // by the secrets that are active
			for _, v := range file.Vectors {
				active := fmt.Sprint(v.SecretsActive)
				if receivers[active] == nil {
					receivers[active] = open(t, environment(b, g, map[string]string{
						"GEMHOOK_SIGNING_SECRETS": strings.Join(pick(file.Secrets, v.SecretsActive), " "),
						"GEMHOOK_JWT_AUDIENCE":    file.JWTAudience,
						"GEMHOOK_MAX_BODY":        "400000",
					}))
				}
				v.deliver(t, b, receivers[active], signers, file.Now)
			}
		})
	}
}

func pick(from []string, indexes []int) []string {
	var picked []string
	for _, i := range indexes {
		picked = append(picked, from[i])
	}
	return picked
}

func (v vector) deliver(t *testing.T, b *project, receive entrance, signers *resigner, then int64) {
	body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
	if err != nil {
		t.Fatal(err)
	}
	header, id := v.refreshed(t, signers, body, time.Now().Unix()-then)
	path := "/"
	if v.Scheme != standin.SchemeV1 {
		path = gemini.DynamicPath()
	}
	got := receive(t, path, header, body)
	topic, other := topicID, deadLetterTopicID
	switch {
	case v.Expect == "reject":
		if !slices.Contains(v.refusals(), fmt.Sprint(got.StatusCode, " ", got.Error)) {
			t.Errorf("%s: answer %d %s, want one of %v", v.Name, got.StatusCode, got.Body, v.refusals())
		}
		return
	case v.BodyKind == "not_event":
		topic, other = other, topic
		if got.StatusCode != 200 || got.Status != "dead_lettered" {
			t.Errorf("%s: answer %d %s, want dead_lettered", v.Name, got.StatusCode, got.Body)
		}
	case got.StatusCode != 200 || got.Status != "published" || got.WebhookID != id:
		t.Errorf("%s: answer %d %s, want %s published", v.Name, got.StatusCode, got.Body, id)
	}
	v.checkMessages(t, b, topic, other, got.MessageID, body)
}

// checkMessages wants the delivery's one message, with the verified bytes, on the one topic and
// nothing on the other.
func (v vector) checkMessages(t *testing.T, b *project, topic, other, messageID string, body []byte) {
	messages := b.pull(topic, 500*time.Millisecond)
	if len(messages) != 1 || messages[0].MessageId != messageID {
		t.Errorf("%s: %d messages on %s, want message %s", v.Name, len(messages), topic, messageID)
		return
	}
	if strays := b.pull(other, 20*time.Millisecond); len(strays) != 0 {
		t.Errorf("%s: %d messages on %s, want none", v.Name, len(strays), other)
	}
	if v.Scheme != standin.SchemeJWT {
		if !bytes.Equal(messages[0].Data, body) {
			t.Errorf("%s: the message is not the body as sent", v.Name)
		}
		return
	}
	var claims, want map[string]any
	_, _ = json.Unmarshal(messages[0].Data, &claims), json.Unmarshal(v.ExpectEvent, &want)
	for name, value := range want {
		if fmt.Sprint(claims[name]) != fmt.Sprint(value) {
			t.Errorf("%s: claim %s is %v, want %v", v.Name, name, claims[name], value)
		}
	}
}

// refusals are the answers that the reasons of a vector allow.
func (v vector) refusals() []string {
	var allowed []string
	for _, reason := range append([]string{v.Reason}, v.ReasonAlso...) {
		switch reason {
		case "missing_header", "malformed_header":
			allowed = append(allowed, "400 "+reason)
		case "stale_timestamp", "future_timestamp":
			allowed = append(allowed, "401 stale_timestamp")
		case "bad_signature", "wrong_key":
			allowed = append(allowed, "401 bad_signature")
		}
	}
	if v.Scheme == standin.SchemeJWT {
		return []string{"401 bad_token"}
	}
	return allowed
}

// refreshed are the vector's headers, later by shift seconds. Valid signatures are made again, and
// invalid ones stay as they are.
func (v vector) refreshed(t *testing.T, signers *resigner, body []byte, shift int64) (header [][2]string, id string) {
	t.Helper()
	id = v.Headers["webhook-id"]
	oldTimestamp := v.Headers["webhook-timestamp"]
	newID := gemini.NewDelivery(nil).ID
	newTimestamp := oldTimestamp
	if digits := strings.TrimSpace(oldTimestamp); len(digits) == 10 {
		if seconds, err := strconv.ParseInt(digits, 10, 64); err == nil {
			seconds += shift
			if strings.HasSuffix(v.Name, "-300s-old") || strings.HasSuffix(v.Name, "-301s-ahead") {
				seconds += 20 // time goes on while the test runs
			}
			newTimestamp = strings.Replace(oldTimestamp, digits, strconv.FormatInt(seconds, 10), 1)
		}
	}
	before, after := id+"."+oldTimestamp+"."+string(body), newID+"."+newTimestamp+"."+string(body)
	values := map[string]string{
		"webhook-id":        newID,
		"webhook-timestamp": newTimestamp,
		"webhook-signature": signers.resign(v.Headers["webhook-signature"], before, after, shift),
	}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		if _, sent := v.Headers[name]; sent {
			header = append(header, [2]string{name, values[name]})
		}
	}
	return header, newID
}

// resigner signs again what it finds signed by one of its keys, published or not.
type resigner struct{ keys []*standin.Keys }

func newResigner(t *testing.T) *resigner {
	t.Helper()
	var file struct {
		NotInJWKS json.RawMessage `json:"not_in_jwks"`
	}
	vectorFile(t, "signing-keys.json", &file)
	attacker, err := standin.ParseKeys(file.NotInJWKS)
	if err != nil {
		t.Fatal(err)
	}
	return &resigner{[]*standin.Keys{testKeys(), attacker}}
}

func (r *resigner) resign(signature, before, after string, shift int64) string {
	if strings.Count(signature, ".") == 2 {
		return r.resignToken(signature, shift)
	}
	entries := strings.Split(signature, " ")
	for i, entry := range entries {
		for _, keys := range r.keys {
			for _, secret := range keys.Secrets {
				if entry == "v1,"+mac(secret, before) {
					entries[i] = "v1," + mac(secret, after)
				}
			}
			for _, key := range keys.Ed25519 {
				if label, encoded, _ := strings.Cut(entry, ","); entry == label+","+seal(key.Private, before) {
					entries[i] = strings.TrimSuffix(entry, encoded) + seal(key.Private, after)
				}
			}
		}
	}
	return strings.Join(entries, " ")
}

func mac(secret, content string) string {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(content))
	return base64.StdEncoding.EncodeToString(hash.Sum(nil))
}

func seal(key ed25519.PrivateKey, content string) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(content)))
}

// resignToken moves a token's times. One whose signature does not hold keeps it, and so still does
// not hold.
func (r *resigner) resignToken(token string, shift int64) string {
	parts := strings.Split(token, ".")
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	for _, name := range []string{"iat", "exp", "nbf"} {
		claims = shiftNumber(claims, name, shift)
	}
	moved := parts[0] + "." + base64.RawURLEncoding.EncodeToString(claims)
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	old, fresh := sha256.Sum256([]byte(parts[0]+"."+parts[1])), sha256.Sum256([]byte(moved))
	for _, keys := range r.keys {
		for _, key := range keys.RSA {
			if rsa.VerifyPKCS1v15(&key.Private.PublicKey, crypto.SHA256, old[:], signature) == nil {
				again, err := rsa.SignPKCS1v15(nil, key.Private, crypto.SHA256, fresh[:])
				if err != nil {
					panic(err)
				}
				return moved + "." + base64.RawURLEncoding.EncodeToString(again)
			}
		}
	}
	return moved + "." + parts[2]
}

// shiftNumber adds to the number that is the value of a member, in place: the claims keep their
// form otherwise.
func shiftNumber(object []byte, name string, shift int64) []byte {
	prefix, rest, found := bytes.Cut(object, []byte(`"`+name+`":`))
	if !found {
		return object
	}
	digits := rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]
	number, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return object
	}
	return fmt.Appendf(nil, `%s"%s":%d%s`, prefix, name, number+shift, rest[len(digits):])
}
