package collector

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/objects"
	"github.com/gemhook/gemhook/shared/resultlines"
)

// The types of result messages.
const (
	TypeCollected   = "gemhook.result.collected"
	TypeUnavailable = "gemhook.result.unavailable"
)

const (
	maxText       = 256 << 10 // bytes of text in a message
	maxMessage    = 900_000   // bytes of a message
	maxObjects    = 100       // named in a message that would be too large otherwise
	maxAttributes = 100 - 1   // Pub/Sub's limit, with room for the mark of a redelivery
	maxValue      = 1024      // bytes of an attribute's value

	// maxSentence is how long a text of Gemini's in a message can be, in bytes: four of them, with a
	// backslash before each byte, have room in what Cloud Storage takes as an object's metadata.
	maxSentence = 900
)

// A result is the data of a result message.
type result struct {
	Event struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Subject string `json:"subject,omitempty"`
		Tenant  string `json:"tenant,omitempty"`
	} `json:"event"`
	State         string                   `json:"state,omitempty"`
	Objects       []stored                 `json:"objects"`
	Requests      *requests                `json:"requests,omitempty"`
	Text          string                   `json:"text,omitempty"`
	FunctionCalls []geminiapi.FunctionCall `json:"function_calls,omitempty"`
	Error         *failure                 `json:"error,omitempty"`
	Reason        string                   `json:"reason,omitempty"`
	LeftOut       []string                 `json:"left_out,omitempty"`

	unavailable bool
}

// stored is an object in the bucket.
type stored struct {
	URI         string `json:"uri"`
	ContentType string `json:"content_type"`
	Bytes       int64  `json:"bytes"`
	CRC32C      string `json:"crc32c"`
}

// requests are the counts of a batch, and those of the job itself where they differ.
type requests struct {
	resultlines.Counts
	Reported *reported `json:"reported,omitempty"`
}

type reported struct {
	Total     int64 `json:"total"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
}

// failure is why a job failed.
type failure struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

func (r *result) add(uri string, object objects.Object) {
	r.Objects = append(r.Objects, stored{uri, object.ContentType, object.Size, object.Checksum()})
}

// note adds a sentence about something that is missing or not as it should be.
func (r *result) note(format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	if r.Reason != "" {
		sentence = r.Reason + " " + sentence
	}
	r.Reason = sentence
}

// shorten cuts what is said of the job. The object with the job has all of it.
func (r *result) shorten() {
	r.State, r.Reason = sentence(r.State), sentence(r.Reason)
	if r.Error != nil {
		r.Error.Code, r.Error.Message = sentence(r.Error.Code), sentence(r.Error.Message)
	}
}

// sentence returns a text of at most maxSentence bytes, without control characters, which JSON would
// spell with six bytes each.
func sentence(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, text)
	if len(text) <= maxSentence {
		return text
	}
	const rest = "…"
	return strings.ToValidUTF8(text[:maxSentence-len(rest)], "") + rest
}

// message returns the result message.
func (c *Collector) message(event *pushed, result *result) (ledger.Message, error) {
	result.Event.ID, result.Event.Type = event.attributes["ce-id"], event.eventType
	result.Event.Subject, result.Event.Tenant = event.resourceID, event.tenant
	data, err := result.encode()
	if err != nil {
		return ledger.Message{}, fmt.Errorf("encode the result message: %w", err)
	}
	messageType := TypeCollected
	if result.unavailable {
		messageType = TypeUnavailable
	}
	return ledger.Message{
		Key: event.resultKey(), WebhookID: event.attributes["ce-id"], Tenant: event.tenant, Type: messageType, ResourceID: event.attributes["ce-subject"],
		Topic: c.options.Topic, Payload: data, Attributes: event.resultAttributes(messageType),
	}, nil
}

// encode returns the JSON. Of what is too large, the text is left out first, then the arguments,
// then objects, and if there are thousands of calls, the calls.
func (r *result) encode() ([]byte, error) {
	r.shorten()
	if r.Objects == nil {
		r.Objects = []stored{}
	}
	if len(r.Text) > maxText {
		r.Text, r.LeftOut = "", append(r.LeftOut, "text")
	}
	for _, leaveOut := range []func(){
		func() {
			if r.Text != "" {
				r.Text, r.LeftOut = "", append(r.LeftOut, "text")
			}
		},
		func() {
			if len(r.FunctionCalls) == 0 {
				return
			}
			for i := range r.FunctionCalls {
				r.FunctionCalls[i].Arguments = nil
			}
			r.LeftOut = append(r.LeftOut, "function_calls.arguments")
		},
		func() {
			if len(r.Objects) > maxObjects {
				r.Objects, r.LeftOut = r.Objects[:maxObjects], append(r.LeftOut, "objects")
			}
		},
		func() {
			if len(r.FunctionCalls) > 0 {
				r.FunctionCalls, r.LeftOut = nil, append(r.LeftOut, "function_calls")
			}
		},
	} {
		data, err := json.Marshal(r)
		if err != nil || len(data) <= maxMessage {
			return data, err
		}
		leaveOut()
	}
	return json.Marshal(r)
}

// resultAttributes are those of the result message. Values that came with the event are within
// Pub/Sub's limits.
func (p *pushed) resultAttributes(messageType string) map[string]string {
	attributes := map[string]string{
		"ce-specversion": "1.0", "ce-type": messageType, "ce-eventtype": p.eventType,
		"ce-source": p.source() + "/results",
		// Two names, as of an event: see shared/event.
		"content-type": "application/json", "ce-datacontenttype": "application/json",
	}
	for _, name := range []string{"ce-id", "ce-time", "ce-subject", "ce-tenant"} {
		if value, there := p.attributes[name]; there {
			attributes[name] = value
		}
	}
	maps.DeleteFunc(attributes, func(_, value string) bool { return len(value) > maxValue })
	for _, name := range slices.Sorted(maps.Keys(p.attributes)) {
		if strings.HasPrefix(name, "user_metadata.") && len(attributes) < maxAttributes {
			attributes[name] = p.attributes[name]
		}
	}
	return attributes
}
