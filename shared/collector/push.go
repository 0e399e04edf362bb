package collector

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/tenant"
)

// maxPush is how large a push can be, in bytes: the largest message of Pub/Sub's in base64, and its
// attributes.
const maxPush = 14 << 20

// pushed is an event as it was pushed.
type pushed struct {
	data       []byte
	attributes map[string]string
	eventType  string
	tenant     string // empty for a static webhook
	resourceID string // data.id
	file       string // data.output_file_uri or the like; may be empty
	kind       *kind  // nil: the event has nothing to fetch
}

// readPush reads a push in the wrapped format.
func readPush(body io.Reader) (*pushed, error) {
	content, err := io.ReadAll(io.LimitReader(body, maxPush+1))
	if err != nil {
		return nil, fmt.Errorf("%w: the body is cut off", errNotPush)
	}
	if len(content) > maxPush {
		return nil, fmt.Errorf("%w: the body is too large", errNotPush)
	}
	var push struct {
		Message *struct {
			Attributes map[string]string `json:"attributes"`
			Data       []byte            `json:"data"`
		} `json:"message"`
		Subscription string `json:"subscription"`
	}
	if json.Unmarshal(content, &push) != nil || push.Message == nil || push.Subscription == "" {
		return nil, fmt.Errorf("%w: the body is not in the wrapped format", errNotPush)
	}
	return readEvent(push.Message.Data, push.Message.Attributes), nil
}

// readEvent reads the event of a message. One that is not about a result has no kind.
func readEvent(data []byte, attributes map[string]string) *pushed {
	p := &pushed{data: data, attributes: attributes, eventType: attributes["ce-type"], tenant: attributes["ce-tenant"]}
	parsed, err := event.Parse(data)
	if err != nil || p.tenant != "" && !tenant.Valid(p.tenant) {
		return p
	}
	if p.eventType == "" {
		p.eventType = parsed.Type // too long for an attribute
	}
	p.resourceID = parsed.ResourceID
	var sent struct {
		Data struct {
			OutputFileURI string `json:"output_file_uri"`
			VideoURI      string `json:"video_uri"`
			FileName      string `json:"file_name"`
		} `json:"data"`
	}
	_ = json.Unmarshal(data, &sent) // what is of another shape counts as missing
	for _, pointer := range []string{sent.Data.FileName, sent.Data.OutputFileURI, sent.Data.VideoURI} {
		if p.file == "" {
			p.file = pointer
		}
	}
	p.kind = kinds[p.eventType]
	return p
}

// source is the ce-source of the event.
func (p *pushed) source() string { return p.attributes["ce-source"] }

// resultKey identifies the event's result message in the ledger.
func (p *pushed) resultKey() ledger.Key {
	parts := []string{p.source(), p.attributes["ce-id"], p.eventType}
	if p.attributes["ce-id"] == "" {
		parts = append(parts, digest(string(p.data)))
	}
	// Quoted, no part can run into the next, whatever bytes it has.
	return ledger.Key("result!" + digest(fmt.Sprintf("%q", parts)))
}

// prefix begins the names of the event's objects.
func (p *pushed) prefix() string {
	owner := "static"
	if p.tenant != "" {
		owner = "dynamic/" + p.tenant
	}
	id := strings.TrimPrefix(p.resourceID, p.kind.collection+"/")
	return owner + "/" + p.kind.collection + "/" + objectName(id) + "/" + p.eventType + "/"
}

// maxID is how long an id may be in the name of an object, in bytes.
const maxID = 200

// objectName returns the part of an object's name that stands for an id of any bytes. Different ids
// have different ones.
func objectName(id string) string {
	var name strings.Builder
	for _, b := range []byte(id) {
		switch {
		case 'A' <= b && b <= 'Z', 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '.', b == '_', b == '-':
			name.WriteByte(b)
		default:
			fmt.Fprintf(&name, "%%%02X", b)
		}
	}
	if escaped := name.String(); len(escaped) <= maxID && escaped != "" && escaped != "." && escaped != ".." {
		return escaped
	}
	return digest(id)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
