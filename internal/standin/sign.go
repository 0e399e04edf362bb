package standin

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Issuer is the "iss" of Gemini's tokens.
const Issuer = "https://generativelanguage.googleapis.com"

// SignV1 signs a delivery as for a static webhook, once with each of secrets, or of k.Secrets if
// there are none; during a rotation Gemini sends several signatures. It fails for a secret that is
// not SecretPrefix and base64.
func (k *Keys) SignV1(d Delivery, secrets ...string) (Delivery, error) {
	if len(secrets) == 0 {
		secrets = k.Secrets
	}
	if len(secrets) == 0 {
		return d, errors.New("sign v1: no secret")
	}
	var signatures []string
	for i, secret := range secrets {
		key, err := secretKey(secret)
		if err != nil {
			return d, fmt.Errorf("sign v1: secret %d: %w", i, err)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write(d.signedContent())
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return d.signed(SchemeV1, strings.Join(signatures, " ")), nil
}

// SignV1a signs a delivery as for a dynamic webhook, with k.Ed25519[key].
func (k *Keys) SignV1a(d Delivery, key int) (Delivery, error) {
	if key < 0 || key >= len(k.Ed25519) {
		return d, fmt.Errorf("sign v1a: no key %d of %d", key, len(k.Ed25519))
	}
	signature := ed25519.Sign(k.Ed25519[key].Private, d.signedContent())
	return d.signed(SchemeV1a, "v1a,"+base64.StdEncoding.EncodeToString(signature)), nil
}

// SignJWT signs a delivery as the guide describes dynamic webhooks: with an RS256 token by
// k.RSA[key] whose claims are iss, aud, iat, exp, and the members of the event, except those with
// one of these four names. Neither ID nor Time is in it. It fails for a body that is not a JSON
// object.
func (k *Keys) SignJWT(d Delivery, key int, audience string, iat, exp time.Time) (Delivery, error) {
	if key < 0 || key >= len(k.RSA) {
		return d, fmt.Errorf("sign jwt: no key %d of %d", key, len(k.RSA))
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{"RS256", k.RSA[key].ID, "JWT"})
	if err != nil {
		return d, fmt.Errorf("sign jwt: header: %w", err)
	}
	registered, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{Issuer, audience, iat.Unix(), exp.Unix()})
	if err != nil {
		return d, fmt.Errorf("sign jwt: claims: %w", err)
	}
	claims, err := appendMembers(registered, d.Body)
	if err != nil {
		return d, fmt.Errorf("sign jwt: body: %w", err)
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, k.RSA[key].Private, crypto.SHA256, digest[:])
	if err != nil {
		return d, fmt.Errorf("sign jwt: %w", err)
	}
	return d.signed(SchemeJWT, input+"."+base64.RawURLEncoding.EncodeToString(signature)), nil
}

// appendMembers returns the JSON object registered with the members of event that it lacks, in
// their order and with the same bytes: numbers must keep the form in which they are written.
func appendMembers(registered, event []byte) ([]byte, error) {
	var taken map[string]json.RawMessage
	if err := json.Unmarshal(registered, &taken); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(event))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	object := bytes.TrimSuffix(registered, []byte("}"))
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if _, ok := taken[name.(string)]; ok {
			continue
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		object = append(append(append(append(object, ','), quoted...), ':'), value...)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("more than a JSON object")
	}
	return append(object, '}'), nil
}

// secretKey is the HMAC key of a signing secret.
func secretKey(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, SecretPrefix)
	if !ok {
		return nil, errors.New("does not begin with " + SecretPrefix)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("not standard base64 after " + SecretPrefix)
	}
	if len(key) == 0 {
		return nil, errors.New("empty")
	}
	return key, nil
}
