package setup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
)

const (
	resultsTopic = "gemini-results"
	collectURL   = "https://collect.example.com/"
	pushAccount  = "push@bench.iam.gserviceaccount.com"
	apiKey       = "AIza-bench"
)

// Results are what the collector works with: the stand-in for Gemini with the files of batches, a
// bucket in a process of its own, and an issuer of tokens for pushes.
type Results struct {
	gemini      *standin.Server
	token       string
	environment []string
	closers     []func()
}

// Results starts them. Close ends them.
func (r *Setup) Results(ctx context.Context, b *Backends) (*Results, error) {
	if err := b.CreateTopic(ctx, resultsTopic, 0); err != nil {
		return nil, err
	}
	path, err := r.Build(ctx, "internal/bench/bucketserver")
	if err != nil {
		return nil, err
	}
	stored, err := StartUp(ctx, Program{Arguments: []string{path}})
	if err != nil {
		return nil, err
	}
	results := &Results{gemini: standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{APIKeys: []string{apiKey}})}
	results.closers = append(results.closers, func() { _ = stored.Stop() })
	issuer, err := push.NewIssuer("key-1")
	if err == nil {
		results.token, err = issuer.Token(collectURL, pushAccount, time.Now())
	}
	if err != nil {
		results.Close()
		return nil, err
	}
	gemini, certs := httptest.NewServer(results.gemini), httptest.NewServer(issuer)
	results.closers = append(results.closers, gemini.Close, certs.Close)
	results.environment = []string{
		"GOOGLE_CLOUD_PROJECT=" + b.ID, "FIRESTORE_EMULATOR_HOST=" + b.FirestoreHost, "PUBSUB_EMULATOR_HOST=" + b.PubSubHost,
		"STORAGE_EMULATOR_HOST=" + stored.Address, "GOOGLE_GEMINI_BASE_URL=" + gemini.URL, "GEMHOOK_API_KEYS=" + apiKey,
		"GEMHOOK_RESULTS_BUCKET=" + bucket.Name, "GEMHOOK_RESULTS_TOPIC=" + resultsTopic,
		"GEMHOOK_PUSH_AUDIENCE=" + collectURL, "GEMHOOK_PUSH_ACCOUNT=" + pushAccount, "GEMHOOK_PUSH_CERTS_URL=" + certs.URL,
	}
	return results, nil
}

// Close ends what Results started.
func (s *Results) Close() {
	for _, end := range s.closers {
		end()
	}
}

// Collector is gemhook's collector as Cloud Functions runs it, and Copy what it is compared with.
func (s *Results) Collector(ctx context.Context, r *Setup) (Program, error) {
	path, err := r.Build(ctx, "internal/testkit/framework/collect")
	return Program{Arguments: []string{path}, Environment: s.environment}, err
}

// Copy copies a batch's file, and does nothing else.
func (s *Results) Copy(ctx context.Context, r *Setup) (Program, error) {
	path, err := r.Build(ctx, "internal/bench/barecopy")
	return Program{Arguments: []string{path}, Environment: s.environment}, err
}

// Add adds a batch whose file has at least so many bytes.
func (s *Results) Add(id string, size int64) {
	file := newResponses(size)
	s.gemini.AddFile("files/batch-"+id, standin.File{Open: file.open, Size: file.size, ContentType: "application/jsonl"})
	s.gemini.AddBatch(standin.Batch{ID: id, File: "files/batch-" + id})
}

// Collect pushes the event of a batch to a collector, and returns how long its answer took.
func (s *Results) Collect(ctx context.Context, address, id string) (time.Duration, error) {
	body, err := push.Body(id, standin.EventAt("batch.succeeded", "batches/"+id, time.Now()), map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_" + id, "ce-type": "batch.succeeded", "ce-subject": "batches/" + id,
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static",
	})
	if err != nil {
		return 0, err
	}
	request, err := push.NewRequest(ctx, "http://"+address+"/", s.token, body)
	if err != nil {
		return 0, err
	}
	return timed(request)
}

// CopyBatch has Copy copy the file of a batch, and returns how long its answer took.
func (s *Results) CopyBatch(ctx context.Context, address, id string) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/"+id, nil)
	if err != nil {
		return 0, err
	}
	return timed(request)
}

func timed(request *http.Request) (time.Duration, error) {
	begin := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusNoContent {
		return 0, fmt.Errorf("answered %d: %s", response.StatusCode, text)
	}
	return time.Since(begin), nil
}

// responses are the lines of a batch's file, of 4 KiB each. The same lines come again and again,
// but with other keys.
type responses struct {
	block []byte
	keys  []int // where the numbers of the keys are in the block
	times int   // that the block comes
	size  int64
}

const keyDigits = 10

func newResponses(size int64) *responses {
	r := &responses{}
	line := bytes.Replace(standin.ResultLines{Count: 1, Text: 4000}.Line(0), []byte(`"request-0"`), []byte(`"request-0000000000"`), 1)
	for len(r.block) < 1<<20 {
		r.keys = append(r.keys, len(r.block)+bytes.Index(line, []byte("0000000000")))
		r.block = append(r.block, line...)
	}
	r.times = int((size + int64(len(r.block)) - 1) / int64(len(r.block)))
	r.size = int64(r.times) * int64(len(r.block))
	return r
}

func (r *responses) open() io.Reader {
	return &responsesReader{responses: r, block: bytes.Clone(r.block)}
}

// A responsesReader reads a file from its beginning.
type responsesReader struct {
	*responses
	block  []byte
	rest   []byte
	passed int // how many blocks were read, the present one included
}

func (r *responsesReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.passed == r.times {
			return 0, io.EOF
		}
		for i, at := range r.keys {
			for number, digit := r.passed*len(r.keys)+i, keyDigits-1; digit >= 0; digit-- {
				r.block[at+digit] = byte('0' + number%10)
				number /= 10
			}
		}
		r.passed++
		r.rest = r.block
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
