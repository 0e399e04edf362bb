package geminiapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// interactionRevision is the revision of the Interactions API that this package reads, which
// Google's SDKs send as well.
const interactionRevision = "2026-05-20"

// maxInteraction is how large an interaction may be, in bytes. Media can be in it as base64.
const maxInteraction = 32 << 20

// An Interaction is a request of the Interactions API and what came of it. Deep Research is one.
type Interaction struct {
	ID     string
	Status InteractionStatus

	// Text is that of all model output, joined.
	Text string

	// FunctionCalls are those that have no result yet.
	FunctionCalls []FunctionCall

	// Media are the parts of the model output that are a link.
	Media []Media

	// Error is why the interaction failed.
	Error *InteractionError

	// Document is the interaction as Gemini sent it.
	Document json.RawMessage
}

// An InteractionStatus is how far an interaction has got. The enum is open.
type InteractionStatus string

// The statuses of an interaction that is not at its end.
const (
	InteractionQueued     InteractionStatus = "queued"
	InteractionInProgress InteractionStatus = "in_progress"
)

// Ended reports whether the interaction waits for nothing but, at most, its user.
func (s InteractionStatus) Ended() bool {
	return s != "" && s != InteractionQueued && s != InteractionInProgress
}

// A FunctionCall asks the user's side to call a function.
type FunctionCall struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

// A Media item is a part of a model output that lies elsewhere.
type Media struct {
	Type     string // image, audio, video or document
	MIMEType string // empty if Gemini does not say
	URI      string
}

// An InteractionError is why an interaction failed. Its code is a text, or a number as a text.
type InteractionError struct{ Code, Message string }

// Interaction returns an interaction by its id, with or without "interactions/".
func (c *Client) Interaction(ctx context.Context, id string) (*Interaction, error) {
	target, err := c.resource("interactions", id)
	if err != nil {
		return nil, fmt.Errorf("get interaction %q: %w", id, err)
	}
	document, err := c.document(ctx, target, http.Header{"Api-Revision": {interactionRevision}})
	if err != nil {
		return nil, fmt.Errorf("get interaction %q: %w", id, err)
	}
	interaction, err := ParseInteraction(document)
	if err != nil {
		return nil, fmt.Errorf("get interaction %q: %w", id, err)
	}
	return interaction, nil
}

// document returns an answer as it is.
func (c *Client) document(ctx context.Context, target string, header http.Header) (json.RawMessage, error) {
	var document []byte
	_, err := c.do(ctx, call{method: http.MethodGet, target: target, header: header, receive: func(resp *http.Response) error {
		defer resp.Body.Close()
		var err error
		if document, err = io.ReadAll(io.LimitReader(resp.Body, maxInteraction+1)); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if len(document) > maxInteraction {
			return fmt.Errorf("%w: it is larger than %d bytes", ErrMalformedAnswer, maxInteraction)
		}
		return nil
	}})
	return document, err
}

type step struct {
	Type      string          `json:"type"`
	Content   json.RawMessage `json:"content"`
	ID        string          `json:"id"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// ParseInteraction reads an interaction as Gemini sends it. Steps and content of other types are
// left to the document.
func ParseInteraction(document json.RawMessage) (*Interaction, error) {
	var sent struct {
		ID     string            `json:"id"`
		Status InteractionStatus `json:"status"`
		Steps  []step            `json:"steps"`
		Errors []json.RawMessage `json:"errors"`
		Error  json.RawMessage   `json:"error"`
	}
	if err := json.Unmarshal(document, &sent); err != nil {
		return nil, ErrMalformedAnswer
	}
	interaction := &Interaction{ID: sent.ID, Status: sent.Status, Document: document}
	var text strings.Builder
	for _, step := range sent.Steps {
		switch step.Type {
		case "model_output":
			if err := interaction.addOutput(&text, step.Content); err != nil {
				return nil, err
			}
		case "function_call":
			interaction.FunctionCalls = append(interaction.FunctionCalls, FunctionCall{step.ID, step.Name, step.Arguments})
		case "function_result":
			interaction.FunctionCalls = slices.DeleteFunc(interaction.FunctionCalls, func(call FunctionCall) bool {
				return call.ID == step.CallID
			})
		}
	}
	interaction.Text = text.String()
	interaction.Error = firstError(append(sent.Errors, sent.Error))
	return interaction, nil
}

// addOutput takes the text and the links of one model output, whose content is a list, or a text.
func (i *Interaction) addOutput(text *strings.Builder, content json.RawMessage) error {
	var whole string
	if len(content) == 0 || json.Unmarshal(content, &whole) == nil {
		text.WriteString(whole)
		return nil
	}
	var parts []struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		MIMEType string `json:"mime_type"`
		URI      string `json:"uri"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return ErrMalformedAnswer
	}
	for _, part := range parts {
		if part.Type == "text" {
			text.WriteString(part.Text)
		}
		if part.URI != "" {
			i.Media = append(i.Media, Media{part.Type, part.MIMEType, part.URI})
		}
	}
	return nil
}

// firstError reads the first error of an interaction, whose code is a text or a number.
func firstError(errors []json.RawMessage) *InteractionError {
	for _, sent := range errors {
		var decoded struct {
			Code    json.RawMessage `json:"code"`
			Message string          `json:"message"`
		}
		if len(sent) == 0 || json.Unmarshal(sent, &decoded) != nil {
			continue
		}
		if decoded.Message == "" && len(decoded.Code) == 0 {
			continue
		}
		return &InteractionError{Code: strings.Trim(string(decoded.Code), `"`), Message: decoded.Message}
	}
	return nil
}
