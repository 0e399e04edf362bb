package geminiapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// A VideoOperation is a request to generate videos and what came of it.
type VideoOperation struct {
	Name  string // such as "models/veo-3.1/operations/abc"
	Done  bool
	Error *Status // why it failed

	// Videos are pointers to the generated videos, for Download.
	Videos []string

	// Filtered is how many videos were generated and held back, and FilteredReasons say why.
	Filtered        int
	FilteredReasons []string

	// Document is the operation as Gemini sent it.
	Document json.RawMessage
}

// VideoOperation returns an operation by its name: "models/{model}/operations/{id}",
// "operations/{id}", or the id alone.
func (c *Client) VideoOperation(ctx context.Context, name string) (*VideoOperation, error) {
	path, err := operationPath(name)
	if err != nil {
		return nil, fmt.Errorf("get operation %q: %w", name, err)
	}
	document, err := c.document(ctx, c.base+"/"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("get operation %q: %w", name, err)
	}
	operation, err := ParseVideoOperation(document)
	if err != nil {
		return nil, fmt.Errorf("get operation %q: %w", name, err)
	}
	return operation, nil
}

func operationPath(name string) (string, error) {
	segments := strings.Split(name, "/")
	if len(segments) == 1 {
		segments = []string{"operations", name}
	}
	for i, segment := range segments {
		if !isSegment(segment) {
			return "", fmt.Errorf("%w: not an operation's name", ErrInvalid)
		}
		segments[i] = url.PathEscape(segment)
	}
	switch {
	case len(segments) == 2 && segments[0] == "operations":
	case len(segments) == 4 && segments[0] == "models" && segments[2] == "operations":
	default:
		return "", fmt.Errorf("%w: not an operation's name", ErrInvalid)
	}
	return strings.Join(segments, "/"), nil
}

// ParseVideoOperation reads an operation as Gemini sends it.
func ParseVideoOperation(document json.RawMessage) (*VideoOperation, error) {
	var sent struct {
		Name     string  `json:"name"`
		Done     bool    `json:"done"`
		Error    *Status `json:"error"`
		Response struct {
			Generated struct {
				Samples []struct {
					Video struct {
						URI string `json:"uri"`
					} `json:"video"`
				} `json:"generatedSamples"`
				Filtered        int      `json:"raiMediaFilteredCount"`
				FilteredReasons []string `json:"raiMediaFilteredReasons"`
			} `json:"generateVideoResponse"`
		} `json:"response"`
	}
	if err := json.Unmarshal(document, &sent); err != nil {
		return nil, ErrMalformedAnswer
	}
	operation := &VideoOperation{
		Name: sent.Name, Done: sent.Done, Error: sent.Error, Document: document,
		Filtered: sent.Response.Generated.Filtered, FilteredReasons: sent.Response.Generated.FilteredReasons,
	}
	for _, sample := range sent.Response.Generated.Samples {
		if sample.Video.URI != "" {
			operation.Videos = append(operation.Videos, sample.Video.URI)
		}
	}
	return operation, nil
}
