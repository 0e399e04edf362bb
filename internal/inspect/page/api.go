package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/inspect"
)

// maxEdit bounds an edited delivery, in bytes of JSON.
const maxEdit = 8 << 20

// pingEvery is how often an idle stream sends a comment, by which the browser knows that it lives.
const pingEvery = 15 * time.Second

func answerJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(value) // fails only if the browser is gone
}

func (p *Page) about(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, map[string]any{"title": visible([]byte(p.options.Title)), "sends": p.options.Send != nil})
}

// events streams the summary of every record, and again of each that changes.
func (p *Page) events(w http.ResponseWriter, request *http.Request) {
	after, _ := strconv.ParseUint(request.URL.Query().Get("after"), 10, 64) // 0 if it is missing
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	changes := make(chan *inspect.Record)
	ctx := request.Context()
	go func() {
		defer close(changes)
		for record := range p.log.Watch(ctx, after) {
			select {
			case changes <- record:
			case <-ctx.Done():
				return
			}
		}
	}()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		text := ": alive\n\n" // also at the start: the browser learns that it is connected
		if _, err := fmt.Fprint(w, text); err != nil || stream.Flush() != nil {
			return
		}
		for idle := false; !idle; {
			select {
			case record, open := <-changes:
				if !open {
					return
				}
				data, err := json.Marshal(summarize(record))
				if err != nil {
					return
				}
				if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil || stream.Flush() != nil {
					return
				}
			case <-ping.C:
				idle = true
			}
		}
	}
}

// search answers the ids of the records that have a text anywhere in a body or a header.
func (p *Page) search(w http.ResponseWriter, request *http.Request) {
	wanted := bytes.ToLower([]byte(request.URL.Query().Get("q")))
	found := []string{}
	for _, record := range p.log.List() {
		if contains(record, wanted) {
			found = append(found, record.ID)
		}
	}
	answerJSON(w, found)
}

func contains(r *inspect.Record, wanted []byte) bool {
	has := func(texts ...[]byte) bool {
		for _, text := range texts {
			if bytes.Contains(bytes.ToLower(text), wanted) {
				return true
			}
		}
		return false
	}
	if has([]byte(strings.Join([]string{r.WebhookID, r.Tenant, r.Type, r.Subject, r.Outcome, string(r.Key)}, "\n"))) {
		return true
	}
	if r.Request != nil {
		var header bytes.Buffer
		_ = r.Request.Header.Write(&header) // never fails
		if has(header.Bytes(), r.Request.Body) {
			return true
		}
	}
	for i := range r.Documents {
		if has(r.Documents[i].Payload) {
			return true
		}
	}
	for i := range r.Messages {
		if has(r.Messages[i].Data, []byte(r.Messages[i].ID), fmt.Appendln(nil, r.Messages[i].Attributes)) {
			return true
		}
	}
	for i := range r.Attempts {
		if has(r.Attempts[i].Request.Body, r.Attempts[i].Answer.Body) {
			return true
		}
	}
	return false
}

// record returns the record that a request names. If there is none it answers so and returns nil.
func (p *Page) record(w http.ResponseWriter, request *http.Request) *inspect.Record {
	record := p.log.Get(request.PathValue("id"))
	if record == nil {
		http.Error(w, "there is no such delivery, or it was forgotten", http.StatusNotFound)
	}
	return record
}

func (p *Page) detail(w http.ResponseWriter, request *http.Request) {
	record := p.record(w, request)
	if record == nil {
		return
	}
	limit := shownBytes
	if request.URL.Query().Has("whole") {
		limit = 1 << 30
	}
	shown := describe(record, limit)
	if p.options.Verify != nil {
		shown.Verification = p.verification(request.Context(), record)
	}
	answerJSON(w, shown)
}

func (p *Page) curl(w http.ResponseWriter, request *http.Request) {
	record := p.record(w, request)
	if record == nil {
		return
	}
	command, err := curl(record, p.options.Receiver)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	answerJSON(w, map[string]string{"command": command})
}

// send sends a delivery again. The check that the request is JSON is also a guard: a form on
// another site cannot send any.
func (p *Page) send(w http.ResponseWriter, request *http.Request) {
	if p.options.Send == nil {
		http.Error(w, "this page only reads", http.StatusForbidden)
		return
	}
	if request.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "the content type is application/json", http.StatusUnsupportedMediaType)
		return
	}
	record := p.record(w, request)
	if record == nil {
		return
	}
	var edit struct {
		Body  *string `json:"body"`
		NewID bool    `json:"new_id"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, request.Body, maxEdit)).Decode(&edit); err != nil {
		http.Error(w, "the delivery cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	wanted := Edit{NewID: edit.NewID}
	if edit.Body != nil {
		wanted.Body = []byte(*edit.Body)
	}
	said, err := p.options.Send(request.Context(), record, wanted)
	if err != nil {
		http.Error(w, visible([]byte(err.Error())), http.StatusBadGateway)
		return
	}
	answerJSON(w, map[string]string{"said": visible([]byte(said))})
}
