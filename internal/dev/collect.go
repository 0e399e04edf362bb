package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/shared/app/collect"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
)

const (
	apiKey   = "AIza-only-the-stand-in-knows-this-key"
	account  = "push@" + project + ".iam.gserviceaccount.com"
	pushTail = "-collect" // of the subscription that is pushed
)

// A collector is the function collect, and the bucket that it writes to.
type collector struct {
	url    string
	bucket *bucket.Server
}

// startCollector starts the bucket and the function, and begins to push events to it, in Pub/Sub's
// place: the emulator does not sign what it pushes.
func (w *installation) startCollector(ctx context.Context, b *backends, gemini *sender, started *closers) (*collector, error) {
	stored, err := bucket.StartAt(w.address())
	if err != nil {
		return nil, err
	}
	started.add(func() error { stored.Close(); return nil })
	w.out.up("bucket", stored.URL)
	if err := os.Setenv("STORAGE_EMULATOR_HOST", stored.Host()); err != nil {
		return nil, err
	}
	issuer, err := push.NewIssuer("dev")
	if err != nil {
		return nil, err
	}
	certs, err := w.listen(issuer, started)
	if err != nil {
		return nil, fmt.Errorf("serve certificates: %w", err)
	}
	configuration, err := config.Load(config.Collect, config.Map(map[string]string{
		"GOOGLE_CLOUD_PROJECT": project, "GEMHOOK_API_KEYS": apiKey, "GOOGLE_GEMINI_BASE_URL": gemini.url,
		"GEMHOOK_RESULTS_BUCKET": bucket.Name, "GEMHOOK_RESULTS_TOPIC": resultsTopicID,
		"GEMHOOK_PUSH_AUDIENCE": gemini.url, "GEMHOOK_PUSH_ACCOUNT": account, "GEMHOOK_PUSH_CERTS_URL": certs,
	}))
	if err != nil {
		return nil, err
	}
	function := collect.New(configuration, w.logger(), &collect.Options{Options: backend.Options{Store: b.store, Now: w.now}})
	started.add(function.Close)
	c := &collector{bucket: stored}
	if c.url, err = w.listen(function, started); err != nil {
		return nil, fmt.Errorf("start collect: %w", err)
	}
	w.out.up("collect", c.url)
	return c, w.push(ctx, c.url, func() (string, error) { return issuer.Token(gemini.url, account, w.now()) }, started)
}

// A collection is what came of one job's event.
type collection struct {
	eventType string
	answer    *standin.Answer // nil: it was lost on the way
	message   *message        // on the results topic; nil: none came
	objects   []string        // as the message names them
	faults    []string
}

// collections are those of all jobs.
type collections []*collection

func (c collections) asExpected() bool {
	for _, one := range c {
		if len(one.faults) > 0 {
			return false
		}
	}
	return true
}

// addJobs gives the stand-in a job of each kind, and returns the type and the id of each one's
// event.
func addJobs(gemini *standin.Server) [][2]string {
	gemini.AddFile("files/batch-cats", standin.ResultLines{Count: 100, Text: 200, FailEvery: 50}.File())
	gemini.AddBatch(standin.Batch{ID: "cats", File: "files/batch-cats", Stats: &standin.BatchStats{Total: 100, Succeeded: 98, Failed: 2}})
	gemini.AddInteraction("tides", standin.Interaction{ID: "tides", Texts: []string{"Tides follow ", "the moon."}}.Document())
	gemini.AddFile("files/waves", standin.TextFile(strings.Repeat("waves ", 10_000), "video/mp4"))
	gemini.AddVideo(standin.Video{Name: "operations/waves", Files: []string{"files/waves"}})
	return [][2]string{{"batch.succeeded", "batches/cats"}, {"interaction.completed", "tides"}, {"video.generated", "operations/waves"}}
}

// collect delivers the events of three jobs, and waits for their results.
func (w *installation) collect(ctx context.Context, gemini *sender, c *collector, topics *inbox) (collections, error) {
	var all collections
	for _, job := range addJobs(gemini.server) {
		id, err := standin.NewID(w.rand)
		if err != nil {
			return nil, err
		}
		now := w.now()
		signed, err := gemini.sign(gemini.keys, standin.Delivery{ID: id, Time: now, Body: standin.EventAt(job[0], job[1], now)}, standin.SchemeV1)
		if err != nil {
			return nil, err
		}
		answers, err := gemini.deliver(ctx, gemini.path(standin.SchemeV1), signed)
		if err != nil {
			return nil, err
		}
		if len(answers) == 0 {
			all = append(all, &collection{eventType: job[0]})
			continue
		}
		result, err := topics.awaitMessage(ctx, func(m message) bool { return m.topic == resultsTopicID && m.webhookID == id })
		if err != nil {
			return nil, err
		}
		one := &collection{eventType: job[0], answer: answers[0], message: result}
		one.check(c)
		all = append(all, one)
	}
	return all, nil
}

func (c *collection) check(from *collector) {
	fault := func(format string, args ...any) { c.faults = append(c.faults, fmt.Sprintf(format, args...)) }
	if c.message == nil {
		fault("expected a message on %s", resultsTopicID)
		return
	}
	if c.message.eventType != "gemhook.result.collected" {
		fault("expected gemhook.result.collected")
	}
	var data struct{ Objects []struct{ URI string } }
	if err := json.NewDecoder(bytes.NewReader(c.message.data)).Decode(&data); err != nil {
		fault("expected JSON: %v", err)
	}
	stored, err := from.bucket.Objects()
	if err != nil {
		fault("expected the objects: %v", err)
	}
	for _, object := range data.Objects {
		c.objects = append(c.objects, object.URI)
		if _, found := stored[strings.TrimPrefix(object.URI, "gs://"+bucket.Name+"/")]; !found {
			fault("expected %s in the bucket", object.URI)
		}
	}
	if len(c.objects) == 0 {
		fault("expected objects in the message")
	}
}

// collected prints what came of the jobs.
func (p *printer) collected(all collections) {
	var rows []row
	for _, c := range all {
		mark := console.Cell{Text: "✓", Colour: console.Green}
		if len(c.faults) > 0 {
			mark = console.Cell{Text: "✗", Colour: console.Red}
		}
		received := console.Cell{Text: "nothing", Colour: console.Dim}
		if c.message != nil {
			received = console.Cell{Text: describe(*c.message)}
		}
		for i, object := range append(c.objects, "")[:max(1, len(c.objects))] {
			if i == 0 {
				rows = append(rows, row{mark: mark, cells: []console.Cell{{Text: c.eventType}, answerCell(c.answer), received, {Text: object}}})
			} else {
				rows = append(rows, row{cells: []console.Cell{{}, {}, {}, {Text: object}}})
			}
		}
		rows[len(rows)-1].below = c.faults
	}
	var text strings.Builder
	p.table(&text, []string{"RESULT OF", "ANSWER", "RESULTS TOPIC RECEIVED", "OBJECTS"}, rows)
	p.line(text.String())
}
