package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/internal/testkit/process"
	"github.com/gemhook/gemhook/internal/testkit/proxy"
	"github.com/gemhook/gemhook/shared/ledger"
)

// A slot runs collectors, one after another, which reach the services through proxies of the slot's
// own.
type slot struct {
	t           *testing.T
	plan        *faultPlan
	environment map[string]string

	mu      sync.Mutex
	running *process.Process
	url     string
}

// newSlot starts the proxies.
func newSlot(t *testing.T, p *project, g *gemini.Gemini, results *bucket.Server, plan *faultPlan, certs string) *slot {
	t.Helper()
	s := &slot{t: t, plan: plan}
	api := httptest.NewServer(s.hit("Gemini", g.Server))
	t.Cleanup(api.Close)
	storage := httptest.NewServer(s.hit("bucket", results.Config.Handler))
	t.Cleanup(storage.Close)
	s.environment = map[string]string{
		"GOOGLE_CLOUD_PROJECT": p.ID, "GEMHOOK_LEASE": ledger.MinLease.String(), "LOG_LEVEL": "error",
		"FIRESTORE_EMULATOR_HOST": s.way("ledger", p.FirestoreHost), "PUBSUB_EMULATOR_HOST": s.way("topic", p.PubSubHost),
		"STORAGE_EMULATOR_HOST": strings.TrimPrefix(storage.URL, "http://"),
		"GEMHOOK_API_KEYS":      apiKey, "GOOGLE_GEMINI_BASE_URL": api.URL,
		"GEMHOOK_RESULTS_BUCKET": bucket.Name, "GEMHOOK_RESULTS_TOPIC": resultsTopicID,
		"GEMHOOK_PUSH_AUDIENCE": collectURL, "GEMHOOK_PUSH_ACCOUNT": pushAccount, "GEMHOOK_PUSH_CERTS_URL": certs,
	}
	t.Cleanup(s.kill)
	return s
}

// hit serves like a service, except for the requests that have a fault.
func (s *slot) hit(service string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hit, kill := s.plan.next(service + " before"); hit {
			s.fail(kill)
			panic(http.ErrAbortHandler)
		}
		if hit, kill := s.plan.next(service + " after"); hit {
			handler.ServeHTTP(httptest.NewRecorder(), r)
			s.fail(kill)
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	})
}

// way returns the address of a proxy to an emulator, whose connections break during the calls that
// are hit.
func (s *slot) way(service, target string) string {
	s.t.Helper()
	between, err := proxy.New(target, &proxy.Options{Choose: func(string) *proxy.Fault {
		for place, moment := range map[string]proxy.Moment{" before": proxy.BeforeServer, " after": proxy.AfterServer} {
			hit, kill := s.plan.next(service + place)
			switch {
			case hit && kill:
				// The collector hears nothing more, so that it is killed before it acts on an
				// answer.
				time.AfterFunc(100*time.Millisecond, s.kill)
				return &proxy.Fault{Kind: proxy.BlackHole, Moment: moment}
			case hit:
				return &proxy.Fault{Kind: proxy.Cut, Moment: moment}
			}
		}
		return nil
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(between.Close)
	return between.Address()
}

func (s *slot) fail(kill bool) {
	if kill {
		s.kill()
	}
}

func (s *slot) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		_ = s.running.Stop()
	}
}

// up returns the address of a collector that runs, starting one if need be.
func (s *slot) up(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		select {
		case <-s.running.Done():
		default:
			return s.url, nil
		}
	}
	port, err := process.FreePort()
	if err != nil {
		return "", err
	}
	command := exec.Command(binary(s.t, "collect"+framework))
	command.Env = process.Environ(s.environment, "PORT="+port)
	if s.running, err = process.Start(context.WithoutCancel(ctx), command); err != nil {
		return "", err
	}
	s.url = "http://127.0.0.1:" + port
	return s.url, s.running.AwaitHTTP(ctx, s.url)
}
