package webhook

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// token is a compact RS256 token (RFC 7515, 7519), taken apart and not yet verified.
type token struct {
	keyID     string
	signed    string // header and claims as encoded: the bytes under the signature
	claims    []byte
	signature []byte
}

// parseToken takes a token apart. Its header decides nothing but which published key to use: the
// algorithm is pinned, jku, jwk and x5u are not read, and a crit header, whose extensions we would
// have to understand, is refused.
func parseToken(compact string) (*token, error) {
	malformed := refuse(ErrBadToken, "The token is not a compact RS256 JSON Web Token.")
	if strings.ContainsAny(compact, "\r\n") { // which the base64 decoder would skip
		return nil, malformed
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil, malformed
	}
	var decoded [3][]byte
	for i, part := range parts {
		bytes, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return nil, malformed
		}
		decoded[i] = bytes
	}
	header, err := members(decoded[0])
	if err != nil {
		return nil, malformed
	}
	if text(header["alg"]) != "RS256" {
		return nil, refuse(ErrBadToken, "The token's algorithm is not RS256.")
	}
	if _, there := header["crit"]; there {
		return nil, refuse(ErrBadToken, "The token has a crit header.")
	}
	return &token{
		keyID:     text(header["kid"]),
		signed:    parts[0] + "." + parts[1],
		claims:    decoded[1],
		signature: decoded[2],
	}, nil
}

func (t *token) checkSignature(keys *KeySet) error {
	named := keys.RSA[t.keyID]
	if len(named) == 0 {
		return refuseUnknownKey(ErrBadToken, "The token's key id is not in Google's key set.")
	}
	digest := sha256.Sum256([]byte(t.signed))
	for _, key := range named {
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature) == nil {
			return nil
		}
	}
	return refuse(ErrBadToken, "The token's signature does not match.")
}

// checkClaims checks the token's claims: for whom, from when, until when, and that it is an event
// at all.
//
// The end is exact and must be there: without it a captured token would be good without end. The
// beginning may lie ahead by the tolerance, for a clock that is behind. A token that is old but has
// not ended is good: it may be a late retry, and a replay of it is for the receiver's ledger to
// recognise.
func checkClaims(payload []byte, options Options) error {
	claims, err := members(payload)
	if err != nil {
		return refuse(ErrBadToken, "The token's claims are not a JSON object.")
	}
	if !slices.Contains(audiences(claims["aud"]), options.Audience) {
		return refuse(ErrBadToken, "The token is for another audience.")
	}
	now := options.Now()
	end, ok := numericDate(claims["exp"])
	if !ok {
		return refuse(ErrBadToken, "The token has no expiry time.")
	}
	if !now.Before(end) {
		return refuse(ErrBadToken, "The token has expired.")
	}
	if options.MaxTokenLife > 0 && end.After(now.Add(options.MaxTokenLife)) {
		return refuse(ErrBadToken, "The token expires after the record of its delivery would.")
	}
	for _, name := range []string{"iat", "nbf"} {
		if claims[name] == nil {
			continue
		}
		begin, ok := numericDate(claims[name])
		if !ok {
			return refuse(ErrBadToken, "The token's "+name+" claim is not a time.")
		}
		if begin.After(now.Add(options.Tolerance)) {
			return refuse(ErrBadToken, "The token is not valid yet.")
		}
	}
	if text(claims["type"]) == "" {
		return refuse(ErrBadToken, "The token's claims are no event, and the body is not signed by it.")
	}
	return nil
}

// members returns the members of a JSON object under their exact names; encoding/json would match a
// struct's fields in any case.
func members(object []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(object, &members)
	return members, err
}

// text returns the value of a JSON string, "" for anything else.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// audiences returns the aud claim, which is one string or several (RFC 7519, section 4.1.3).
func audiences(value json.RawMessage) []string {
	var several []string
	if json.Unmarshal(value, &several) == nil {
		return several
	}
	if one := text(value); one != "" {
		return []string{one}
	}
	return nil
}

// numericDate returns the time of a JSON number of seconds, fractions allowed (RFC 7519, section
// 2).
func numericDate(value json.RawMessage) (time.Time, bool) {
	var seconds *float64
	if json.Unmarshal(value, &seconds) != nil || seconds == nil || math.Abs(*seconds) > 1<<53 {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}
