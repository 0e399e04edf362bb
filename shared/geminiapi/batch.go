package geminiapi

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Batch is a batch job. Its names are those of the API, where every member may be missing.
type Batch struct {
	Name        string // such as "batches/abc"
	Type        string // such as "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"
	Model       string
	DisplayName string
	State       BatchState
	CreateTime  time.Time
	EndTime     time.Time
	Done        bool
	Stats       *BatchStats
	Error       *Status // why the job failed

	// ResponsesFile is the file with the responses, such as "files/batch-abc"; empty if there is
	// none.
	ResponsesFile string

	// Inlined reports whether the responses are in the job itself: InlineResponses reads them.
	Inlined bool

	// Document is the job as Gemini describes it, without inline responses. A list has less in it.
	Document json.RawMessage
}

// A BatchState is how far a batch job has got. The enum is open.
type BatchState string

// The states of a batch job. A state that the API names JOB_STATE_… is given as BATCH_STATE_….
const (
	BatchPending   BatchState = "BATCH_STATE_PENDING"
	BatchRunning   BatchState = "BATCH_STATE_RUNNING"
	BatchSucceeded BatchState = "BATCH_STATE_SUCCEEDED"
	BatchFailed    BatchState = "BATCH_STATE_FAILED"
	BatchCancelled BatchState = "BATCH_STATE_CANCELLED"
	BatchExpired   BatchState = "BATCH_STATE_EXPIRED"
)

// Ended reports whether a job in this state does no more.
func (s BatchState) Ended() bool {
	switch s {
	case BatchSucceeded, BatchFailed, BatchCancelled, BatchExpired:
		return true
	}
	return false
}

// BatchStats are the numbers of a job's requests.
type BatchStats struct{ Total, Succeeded, Failed int64 }

// A Status is why a job failed.
type Status struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Batch returns a batch job by its name, with or without "batches/". Inline responses are read past
// and not kept.
func (c *Client) Batch(ctx context.Context, name string) (*Batch, error) {
	target, err := c.resource("batches", name)
	if err != nil {
		return nil, fmt.Errorf("get batch %q: %w", name, err)
	}
	var batch *Batch
	if _, err := c.do(ctx, call{method: http.MethodGet, target: target, receive: func(resp *http.Response) error {
		defer resp.Body.Close()
		read := newBatchReader(resp.Body, func(json.RawMessage) bool { return true })
		if err := read.all(); err != nil {
			return err
		}
		batch, err = decodeBatch(read.document.Bytes())
		if err == nil {
			batch.Inlined = read.responses > 0
		}
		return err
	}}); err != nil {
		return nil, fmt.Errorf("get batch %q: %w", name, err)
	}
	return batch, nil
}

// InlineResponses returns the responses that are in a batch job itself, each as Gemini sends it:
// {"response" | "error": …, "metadata": {"key": …}}. It reads them one after the other from the
// connection, so a response is all that is in memory. Where the job has them twice, the first copy
// counts. An error is the last pair.
func (c *Client) InlineResponses(ctx context.Context, name string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		target, err := c.resource("batches", name)
		if err != nil {
			yield(nil, fmt.Errorf("get batch %q: %w", name, err))
			return
		}
		stopped := false
		_, err = c.do(ctx, call{method: http.MethodGet, target: target, receive: func(resp *http.Response) error {
			defer resp.Body.Close()
			return newBatchReader(resp.Body, func(response json.RawMessage) bool {
				stopped = !yield(response, nil)
				return !stopped
			}).all()
		}})
		if err != nil && !stopped {
			yield(nil, fmt.Errorf("get responses of batch %q: %w", name, err))
		}
	}
}

// Batches returns every batch job of the project, without its output, and asks for the next page
// when the range gets there. What it says of a job can be older than what Batch says. An error is
// the last pair.
func (c *Client) Batches(ctx context.Context) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		for token := ""; ; {
			batches, next, err := c.BatchPage(ctx, token)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, batch := range batches {
				if !yield(batch, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			token = next
		}
	}
}

// BatchPage returns one page of what Batches does: that of a token, or the first for "". The next
// page's token is "" after the last page; a page may be empty and still not be the last.
func (c *Client) BatchPage(ctx context.Context, token string) (batches []*Batch, next string, err error) {
	query := url.Values{}
	if c.opts.PageSize != 0 {
		query.Set("pageSize", fmt.Sprint(c.opts.PageSize))
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	var page struct {
		Operations    []json.RawMessage `json:"operations"`
		NextPageToken string            `json:"nextPageToken"`
	}
	if _, err := c.do(ctx, call{method: http.MethodGet, target: c.base + "/batches", query: query, answer: &page}); err != nil {
		return nil, "", fmt.Errorf("list batches: %w", err)
	}
	for _, operation := range page.Operations {
		batch, err := decodeBatch(operation)
		if err != nil {
			return nil, "", fmt.Errorf("list batches: %w", err)
		}
		batches = append(batches, batch)
	}
	if page.NextPageToken != "" && page.NextPageToken == token {
		return nil, "", fmt.Errorf("list batches: %w: the next page has the token of this one", ErrMalformedAnswer)
	}
	return batches, page.NextPageToken, nil
}

// A batchOutput is where a job's responses are; the API has it in up to three places.
type batchOutput struct {
	ResponsesFile string `json:"responsesFile"`
}

// decodeBatch reads an Operation whose inline responses have been taken out.
func decodeBatch(document []byte) (*Batch, error) {
	var operation struct {
		Name     string  `json:"name"`
		Done     bool    `json:"done"`
		Error    *Status `json:"error"`
		Metadata struct {
			Type        string      `json:"@type"`
			Model       string      `json:"model"`
			DisplayName string      `json:"displayName"`
			State       string      `json:"state"`
			CreateTime  time.Time   `json:"createTime"`
			EndTime     time.Time   `json:"endTime"`
			Output      batchOutput `json:"output"`
			Stats       *struct {
				// Numbers as texts, or without quotes; zero is left out.
				Total     json.Number `json:"requestCount"`
				Succeeded json.Number `json:"successfulRequestCount"`
				Failed    json.Number `json:"failedRequestCount"`
			} `json:"batchStats"`
		} `json:"metadata"`
		Response struct {
			batchOutput
			Output batchOutput `json:"output"`
		} `json:"response"`
	}
	if err := json.Unmarshal(document, &operation); err != nil {
		return nil, ErrMalformedAnswer
	}
	metadata := operation.Metadata
	batch := &Batch{
		Name: operation.Name, Done: operation.Done, Error: operation.Error,
		Type: metadata.Type, Model: metadata.Model, DisplayName: metadata.DisplayName,
		CreateTime: metadata.CreateTime, EndTime: metadata.EndTime, Document: document,
	}
	if state, named := strings.CutPrefix(metadata.State, "JOB_STATE_"); named {
		batch.State = BatchState("BATCH_STATE_" + state)
	} else {
		batch.State = BatchState(metadata.State)
	}
	if metadata.Stats != nil {
		batch.Stats = &BatchStats{
			Total: count(metadata.Stats.Total), Succeeded: count(metadata.Stats.Succeeded), Failed: count(metadata.Stats.Failed),
		}
	}
	for _, output := range []batchOutput{metadata.Output, operation.Response.batchOutput, operation.Response.Output} {
		if batch.ResponsesFile == "" {
			batch.ResponsesFile = output.ResponsesFile
		}
	}
	return batch, nil
}

func count(number json.Number) int64 {
	n, _ := number.Int64() // what is no whole number counts as zero
	return n
}

// resource returns the URL of a resource by its name, with or without the name of its collection
// and a slash.
func (c *Client) resource(collection, name string) (string, error) {
	id := strings.TrimPrefix(name, collection+"/")
	if !isSegment(id) {
		return "", fmt.Errorf("%w: not the name of one of %s", ErrInvalid, collection)
	}
	return c.base + "/" + collection + "/" + url.PathEscape(id), nil
}

// isSegment reports whether an id is one segment of a path. Otherwise it could make another path,
// or another method, of the URL.
func isSegment(id string) bool {
	return id != "" && id != "." && id != ".." && !strings.ContainsAny(id, "/:?#%\\")
}
