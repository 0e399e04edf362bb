package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
)

// A Key identifies a delivery in a ledger. It is a legal Firestore document id
// (https://cloud.google.com/firestore/quotas#collections_documents_and_fields): at most 1,500 bytes, without "/", and not
// of the form "__…__", "." or "..". Different deliveries have different keys.
type Key string

const maxKey = 1500

// StaticKey is the key of a static webhook's delivery.
func StaticKey(webhookID string) Key { return escaped("static!", webhookID) }

// DynamicKey is the key of a dynamic webhook's delivery whose signature covers its webhook-id.
func DynamicKey(tenant, webhookID string) Key { return escaped("dynamic!"+tenant+"!", webhookID) }

// TokenKey is the key of a dynamic webhook's delivery by token. The token signs no webhook-id, so it goes by what the
// token does sign: another delivery of the same event is a duplicate whatever webhook-id it bears.
//
// Where the event has no resource id or no timestamp these do not tell events apart, and the webhook-id counts as well: an
// event that comes twice can be borne, one that is lost cannot.
func TokenKey(tenant, eventType, resourceID, timestamp, webhookID string) Key {
	signed := []string{eventType, resourceID, timestamp}
	if resourceID == "" || timestamp == "" {
		signed = append(signed, webhookID)
	}
	// Quoted, no part can run into the next, whatever bytes it has.
	return Key("jwt!" + tenant + "!" + digest(fmt.Sprintf("%q", signed)))
}

// escaped appends an id of any bytes to a prefix. Query escaping leaves letters, digits and "-_.~" as they are; a digest
// takes the place of an id too long for a key, after a ":" that no escaped id contains.
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
