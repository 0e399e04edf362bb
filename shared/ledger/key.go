package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
)

// A Key identifies a delivery in a ledger. It is a legal Firestore document id
// (https://cloud.google.com/firestore/quotas#collections_documents_and_fields): at most 1,500
// bytes, without "/", and not of the form "__…__", "." or "..". Different deliveries have different
// keys.
type Key string

const maxKey = 1500

// StaticKey is the key of a static webhook's delivery.
func StaticKey(webhookID string) Key { return escaped("static!", webhookID) }

// DynamicKey is the key of a dynamic webhook's delivery whose signature covers its webhook-id.
func DynamicKey(tenant, webhookID string) Key { return escaped("dynamic!"+tenant+"!", webhookID) }

// TokenKey is the key of a dynamic webhook's delivery by token. The token signs no webhook-id, so
// the key is made of what it does sign: another delivery of the same event is a duplicate whatever
// its webhook-id. Where the event lacks a type, a resource id or a timestamp, the three do not
// identify it, and all claims as signed take their place.
func TokenKey(tenant, eventType, resourceID, timestamp string, claims []byte) Key {
	signed := string(claims)
	if eventType != "" && resourceID != "" && timestamp != "" {
		// Quoted, no part can run into the next, whatever bytes it has; and no claims look like
		// this.
		signed = fmt.Sprintf("%q", []string{eventType, resourceID, timestamp})
	}
	return Key("jwt!" + tenant + "!" + digest(signed))
}

// escaped appends an id of any bytes to a prefix. Query escaping leaves letters, digits and "-_.~"
// as they are; a digest takes the place of an id too long for a key, after a ":" that no escaped id
// contains.
func escaped(prefix, id string) Key {
	if key := prefix + url.QueryEscape(id); len(key) <= maxKey {
		return Key(key)
	}
	return Key(prefix + "sha256:" + digest(id))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
