package page_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/retry"
)

// patience is how long a test waits at most for what the page does.
const patience = 20 * time.Second

// chromium is one browser for all tests, each of which has tabs of its own.
var chromium struct {
	sync.Mutex
	context context.Context
	stop    func()
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if chromium.stop != nil {
		chromium.stop()
	}
	os.Exit(code)
}

// startChromium starts the browser, or skips the test where there is none.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.context != nil {
		return chromium.context
	}
	program := testkit.Program(t, testkit.Browser, "chromium", "chromium-browser", "google-chrome")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.WindowSize(1200, 800),
		chromedp.Flag("lang", "en-GB"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it does not start as root with one
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	quiet := func(string, ...any) {} // a newer browser sends events that chromedp does not know
	browser, stopBrowser := chromedp.NewContext(allocator, chromedp.WithErrorf(quiet))
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	chromium.context, chromium.stop = browser, func() { stopBrowser(); stopAllocator() }
	return browser
}

// A tab is a tab of the browser, with the page open.
type tab struct {
	t       *testing.T
	context context.Context
}

// open opens the page in a new tab, after the steps that are to be done before.
func (f *fixture) open(before ...step) *tab {
	f.t.Helper()
	parent := startChromium(f.t)
	ctx, close := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	b := &tab{f.t, ctx}
	b.do() // makes the tab, to whose events it then listens
	thrown := chromedp.Events(ctx, runtime.ExceptionThrown)
	var faults sync.WaitGroup
	faults.Go(func() {
		for fault, err := range thrown {
			if err != nil {
				return // the tab is closed
			}
			f.t.Errorf("the page's script failed: %s", fault.ExceptionDetails.Text)
		}
	})
	f.t.Cleanup(func() { close(); faults.Wait() })
	// Before any script of the page's.
	b.do(call(cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI));`,
	}))
	b.do(append(before, chromedp.Navigate(f.page.URL()))...)
	b.await(`document.getElementById('connection').textContent === 'live'`)
	return b
}

// A step is something that a tab does.
type step = chromedp.Action[chromedp.Void]

func (b *tab) do(steps ...step) {
	b.t.Helper()
	// The first call makes the tab, which lives as long as the context of that call.
	if err := chromedp.Do(b.context); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.context, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// call is a step that calls a method of the browser's protocol.
func call[P, R any](method cdp.Command[P, R], params P) step {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, method, params)
		return chromedp.Void{}, err
	}
}

// script is a step that runs a script.
func script(text string) step { return chromedp.Evaluate[chromedp.Void](text) }

// await waits until an expression is true. Chromedp's own way to wait makes functions from text,
// which the page's policy forbids.
func (b *tab) await(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(b.context, patience)
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		cancel()
		if err == nil && holds {
			return
		}
		if err := retry.Wait(b.context, 10*time.Millisecond); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatalf("never true: %s\nthe page shows:\n%.3000s", expression, value[string](b, `document.body.innerText`))
}

// value evaluates an expression.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.context, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v: %.300s", err, expression)
	}
	return result
}

// choose clicks on the delivery whose line has a text, and waits for its details.
func (b *tab) choose(text string) {
	b.t.Helper()
	find := `[...document.querySelectorAll('#list a')].find(a => a.textContent.includes(` + quoted(text) + `))`
	b.await(`!!` + find)
	b.do(script(find + `.click()`))
	b.await(`document.getElementById('detail').dataset.id === ` + find + `.hash.slice(2)`)
}

// click clicks with the mouse on the middle of an element, which nothing may cover.
func (b *tab) click(id string) {
	b.t.Helper()
	element := `document.getElementById(` + quoted(id) + `)`
	b.await(`!!` + element + ` && ` + element + `.checkVisibility()`)
	place := value[[]float64](b, `(() => { const e = `+element+`; e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();
		const at = [r.x + r.width / 2, r.y + r.height / 2]; return e.contains(document.elementFromPoint(...at)) ? at : []; })()`)
	if len(place) != 2 {
		b.t.Fatalf("%s is covered by something else", id)
	}
	b.do(chromedp.MouseClickXY(place[0], place[1]))
}

func quoted(text string) string {
	encoded, _ := json.Marshal(text) // never fails for a string
	return string(encoded)
}

// list returns the lines of the list that are shown.
func (b *tab) list() []string {
	b.t.Helper()
	return value[[]string](b, `[...document.querySelectorAll('#list li:not([hidden]) a')].map(a => a.innerText)`)
}

// detail returns what is shown of the chosen delivery.
func (b *tab) detail() string {
	b.t.Helper()
	return value[string](b, `document.getElementById('detail').textContent`)
}

// set sets a field as typing or choosing does.
func (b *tab) set(id, to string) {
	b.t.Helper()
	b.do(script(`(() => { const e = document.getElementById(` + quoted(id) + `); e.value = ` + quoted(to) + `;
		e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change')); })()`))
}

// dark has the browser ask for a dark page.
func dark() step {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
}

// narrow gives the page as little room as a telephone has.
func narrow() step { return chromedp.EmulateViewport(360, 740) }
