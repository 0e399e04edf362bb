package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// jobs are the jobs whose results can be fetched, and their files. The server's lock guards them.
type jobs struct {
	batches      []Batch
	emptyPages   int // at the beginning of the list of batches
	interactions map[string]json.RawMessage
	videos       map[string]Video
	files        map[string]*File
	fetched      map[string]int // downloads by file
}

// A Batch is a batch job.
type Batch struct {
	ID          string
	Model       string // empty means "models/gemini-3-flash"
	DisplayName string
	State       string // empty means "BATCH_STATE_SUCCEEDED"
	Embeddings  bool   // a job of embeddings instead of generated content

	// File is the file with the responses, such as "files/batch-abc". Without it, the responses are
	// Inline, and the job has them twice, as Gemini's do.
	File   string
	Inline []json.RawMessage

	Stats *BatchStats // nil leaves them out
	Error *JobError   // why it failed

	CreateTime, EndTime time.Time // zero means the time of AddBatch
}

// BatchStats are the numbers of a job's requests.
type BatchStats struct{ Total, Succeeded, Failed int }

// A JobError is why a job failed.
type JobError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// A Video is an operation that generates videos.
type Video struct {
	Name     string   // "models/{model}/operations/{id}"
	Running  bool     // not done yet
	Files    []string // of the generated videos, such as "files/abc"
	Filtered []string // for each video that was filtered, the reason
	Error    *JobError
}

// AddBatch adds a batch job, or replaces the one with its id.
func (s *Server) AddBatch(b Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.CreateTime.IsZero() {
		b.CreateTime = s.opts.Now()
	}
	if b.EndTime.IsZero() {
		b.EndTime = s.opts.Now()
	}
	s.jobs.batches = slices.DeleteFunc(s.jobs.batches, func(other Batch) bool { return other.ID == b.ID })
	s.jobs.batches = append(s.jobs.batches, b)
}

// AddInteraction adds an interaction that is served as it is, or replaces the one with that id.
func (s *Server) AddInteraction(id string, document []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs.interactions == nil {
		s.jobs.interactions = map[string]json.RawMessage{}
	}
	s.jobs.interactions[id] = document
}

// AddVideo adds an operation, or replaces the one with its name.
func (s *Server) AddVideo(v Video) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs.videos == nil {
		s.jobs.videos = map[string]Video{}
	}
	s.jobs.videos[v.Name] = v
}

// handleJobs adds the calls that read jobs and their files.
func (s *Server) handleJobs() {
	for _, version := range []string{"/v1beta", "/v1"} {
		for pattern, call := range map[string]func(*http.Request) (any, error){
			version + "/batches":                        s.serveBatches,
			version + "/batches/{id}":                   s.serveBatch,
			version + "/operations/{id}":                s.serveVideo,
			version + "/models/{model}/operations/{id}": s.serveVideo,
		} {
			s.mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) { s.serveCall(w, r, call) })
		}
		s.mux.HandleFunc("GET "+version+"/interactions/{id}", s.serveInteraction)
		// The SDKs use the first form, the guide has the second.
		s.mux.HandleFunc("GET "+version+"/files/{id}", s.serveFile)
		s.mux.HandleFunc("GET /download"+version+"/files/{id}", s.serveFile)
	}
	s.mux.HandleFunc("GET "+mediaPath+"{id}", s.serveMedia)
}

func (s *Server) serveBatch(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.jobs.batches {
		if b.ID == r.PathValue("id") {
			return b.operation(true), nil
		}
	}
	return nil, &apiError{code: http.StatusNotFound, message: "Requested entity was not found."}
}

// emptyPage begins the token of an empty page.
const emptyPage = "empty-"

// serveBatches lists the jobs without their output, newest first.
func (s *Server) serveBatches(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size, _ := strconv.Atoi(r.FormValue("pageSize"))
	if size <= 0 {
		size = 50
	}
	begin, err := strconv.Atoi(r.FormValue("pageToken"))
	if token := r.FormValue("pageToken"); token != "" && !strings.HasPrefix(token, emptyPage) && (err != nil || begin < 0 || begin > len(s.jobs.batches)) {
		return nil, invalid("The pageToken is not one that this method has given.")
	}
	page := map[string]any{}
	if empty, _ := strconv.Atoi(strings.TrimPrefix(r.FormValue("pageToken"), emptyPage)); empty < s.jobs.emptyPages && begin == 0 {
		page["nextPageToken"] = emptyPage + strconv.Itoa(empty+1)
		return page, nil
	}
	newest := slices.Clone(s.jobs.batches)
	slices.Reverse(newest)
	end := min(begin+size, len(newest))
	operations := []any{}
	for _, b := range newest[begin:end] {
		operations = append(operations, b.operation(false))
	}
	if len(operations) > 0 {
		page["operations"] = operations
	}
	if end < len(newest) {
		page["nextPageToken"] = strconv.Itoa(end)
	}
	return page, nil
}

// operation is a job as the API shows it.
func (b Batch) operation(withOutput bool) map[string]any {
	kind, list := "GenerateContentBatch", "inlinedResponses"
	if b.Embeddings {
		kind, list = "EmbedContentBatch", "inlinedEmbedContentResponses"
	}
	state, model := b.State, b.Model
	if state == "" {
		state = "BATCH_STATE_SUCCEEDED"
	}
	if model == "" {
		model = "models/gemini-3-flash"
	}
	metadata := map[string]any{
		"@type": "type.googleapis.com/google.ai.generativelanguage.v1main." + kind,
		"name":  "batches/" + b.ID, "model": model, "displayName": b.DisplayName, "state": state,
		"createTime": b.CreateTime.UTC(), "updateTime": b.EndTime.UTC(), "endTime": b.EndTime.UTC(),
	}
	if b.Stats != nil {
		metadata["batchStats"] = b.Stats.resource()
	}
	operation := map[string]any{"name": "batches/" + b.ID, "metadata": metadata}
	if b.Error != nil {
		operation["error"] = b.Error
	}
	if !strings.HasSuffix(state, "_PENDING") && !strings.HasSuffix(state, "_RUNNING") {
		operation["done"] = true
	}
	if !withOutput || b.File == "" && len(b.Inline) == 0 {
		return operation
	}
	output := map[string]any{"responsesFile": b.File}
	if b.File == "" {
		output = map[string]any{list: map[string]any{"inlinedResponses": b.Inline}}
	}
	response := map[string]any{"@type": metadata["@type"].(string) + "Output"}
	for name, value := range output {
		response[name] = value
	}
	metadata["output"], operation["response"] = output, response
	return operation
}

// resource has the numbers as texts and leaves out zero, as Google's JSON of an int64 does.
func (b BatchStats) resource() map[string]string {
	stats := map[string]string{}
	for name, n := range map[string]int{"requestCount": b.Total, "successfulRequestCount": b.Succeeded, "failedRequestCount": b.Failed} {
		if n != 0 {
			stats[name] = strconv.Itoa(n)
		}
	}
	return stats
}

func (s *Server) serveVideo(r *http.Request) (any, error) {
	name := "operations/" + r.PathValue("id")
	if model := r.PathValue("model"); model != "" {
		name = "models/" + model + "/" + name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, found := s.jobs.videos[name]
	if !found {
		return nil, &apiError{code: http.StatusNotFound, message: "Requested entity was not found."}
	}
	operation := map[string]any{"name": v.Name}
	if v.Running {
		return operation, nil
	}
	operation["done"] = true
	if v.Error != nil {
		operation["error"] = v.Error
		return operation, nil
	}
	generated := map[string]any{}
	if len(v.Files) > 0 {
		var samples []any
		for _, file := range v.Files {
			uri := fmt.Sprintf("http://%s/v1beta/%s:download?alt=media", r.Host, file)
			samples = append(samples, map[string]any{"video": map[string]any{"uri": uri}})
		}
		generated["generatedSamples"] = samples
	}
	if len(v.Filtered) > 0 {
		generated["raiMediaFilteredCount"] = len(v.Filtered)
		generated["raiMediaFilteredReasons"] = v.Filtered
	}
	operation["response"] = map[string]any{
		"@type":                 "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse",
		"generateVideoResponse": generated,
	}
	return operation, nil
}

// serveInteraction serves an interaction. The errors of this part of the API have another form.
func (s *Server) serveInteraction(w http.ResponseWriter, r *http.Request) {
	if err := s.admit(r); err != nil {
		writeError(w, asAPIError(err))
		return
	}
	s.mu.Lock()
	document, found := s.jobs.interactions[r.PathValue("id")]
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if !found {
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{
			"message": "Interaction not found.", "code": "not_found",
		}})
		return
	}
	_, _ = w.Write(document)
}
