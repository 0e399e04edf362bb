package page_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/npm"
)

// browser returns a fixture whose page the test can open in a browser. Where there is no browser it
// skips the test.
func browser(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	startChromium(t)
	return newFixture(t)
}

// New deliveries appear in the list and changes in the details, without a reload.
func TestLiveList(t *testing.T) {
	f := browser(t)
	b := f.open()
	b.await(`document.getElementById('empty').textContent === 'Nothing has come in yet.'`)
	f.event("batch.succeeded", "batches/first")
	f.event("video.generated", "operations/second")
	b.await(`document.querySelectorAll('#list a').length === 2`)
	list := b.list()
	if !strings.Contains(list[0], "operations/second") || !strings.Contains(list[1], "batches/first") || !strings.Contains(list[0], "200 published") {
		t.Errorf("the list is %q, want the newest first", list)
	}
	b.choose("batches/first")
	for _, wanted := range []string{
		"signaturemade with signing secret 1 of 1", "claimed at", "published at", "verify", "settle", "ce-subject", "webhook-signature",
		`"id":"batches/first"`, "7b 22 74 79", "The receiver answers 200 published", "gemini-events",
	} {
		if !strings.Contains(b.detail(), wanted) {
			t.Errorf("the details lack %q:\n%s", wanted, b.detail())
		}
	}
	// A change of the delivery whose details are shown appears at once.
	f.log.Update(inspect.ByID("1"), func(r *inspect.Record) {
		r.Attempts = append(r.Attempts, inspect.Attempt{
			At: time.Now(), URL: "http://127.0.0.1:9/hook", Request: *r.Request,
			Answer: inspect.Answer{StatusCode: 500, Body: []byte("handler broke")},
		})
	})
	b.await(`document.getElementById('detail').textContent.includes('handler broke')`)
	b.await(`document.querySelector('#list').textContent.includes('not handled in 1')`)
}

// The details of a refused delivery mark the step of verification that failed.
func TestRefusalsSayWhy(t *testing.T) {
	f := browser(t)
	codes := f.refusals()
	b := f.open()
	b.await(fmt.Sprintf(`document.querySelectorAll('#list a').length === %d`, len(codes)))
	for _, code := range codes {
		b.choose(code)
		b.await(`document.querySelector('#detail h2').textContent.includes(` + quoted(code) + `)`)
		failed := value[[]string](b, `[...document.querySelectorAll('#steps .failed')].map(mark => mark.parentNode.textContent)`)
		if code == "topic_unavailable" || code == "in_flight" {
			if len(failed) != 0 {
				t.Errorf("%s: failed steps %q, want none: the delivery is genuine", code, failed)
			}
			continue
		}
		if len(failed) == 0 && code != "dynamic_url_required" || !strings.Contains(b.detail(), code+": ") {
			t.Errorf("%s: failed steps %q in:\n%s", code, failed, b.detail())
		}
	}
}

// A delivery is sent again as a duplicate and, edited, as a new one.
func TestSendAgain(t *testing.T) {
	f := browser(t)
	f.event("batch.succeeded", "batches/first")
	b := f.open()
	b.choose("batches/first")
	b.click("send")
	b.await(`document.getElementById('said').textContent === 'The receiver answered 200 duplicate.'`)
	b.await(`document.querySelectorAll('#list a').length === 2`)

	b.click("edit-open")
	body := value[string](b, `document.getElementById('edit-body').value`)
	b.set("edit-body", strings.Replace(body, "batches/first", "batches/edited", 1))
	b.click("edit-send")
	b.await(`document.getElementById('said').textContent === 'The receiver answered 200 published.'`)
	b.choose("batches/edited")
	if !strings.Contains(b.detail(), "made with signing secret 1 of 1") || f.published.Load() != 2 {
		t.Errorf("%d messages, want 2, the second with the edited body", f.published.Load())
	}
}

// Each filter hides what it does not match, and "Clear" shows all again.
func TestFilters(t *testing.T) {
	f := browser(t)
	f.event("batch.succeeded", "batches/one")
	f.event("batch.failed", "batches/two")
	f.post("/dynamic/acme/AAAA", f.signed(standin.Event("batch.succeeded")))
	b := f.open()
	b.await(`document.querySelectorAll('#list a').length === 3`)
	for _, test := range []struct{ field, to, count, has string }{
		{"standing", "refused", "1 of 3", "unknown_token"},
		{"type", "batch.failed", "1 of 3", "batches/two"},
		{"tenant", "acme", "1 of 3", "unknown_token"},
		{"search", "BATCHES/ONE", "1 of 3", "batches/one"},
		{"search", "Line 17 of the input", "1 of 3", "batches/two"}, // in a body
		{"search", "no such thing", "0 of 3", ""},
	} {
		t.Run(test.field+" "+test.to, func(t *testing.T) {
			b.t = t
			b.set(test.field, test.to)
			b.await(`document.getElementById('count').textContent === ` + quoted(test.count))
			if list := strings.Join(b.list(), "\n"); !strings.Contains(list, test.has) {
				t.Errorf("the list is %q, want %q in it", list, test.has)
			}
			b.click("clear")
			b.await(`document.getElementById('count').textContent === '3 deliveries'`)
		})
	}
}

// Everything can be done without a mouse.
func TestKeyboardAlone(t *testing.T) {
	f := browser(t)
	f.event("batch.succeeded", "batches/one")
	f.event("batch.failed", "batches/two")
	b := f.open()
	b.await(`document.querySelectorAll('#list a').length === 2`)
	press := func(key string) { b.do(chromedp.KeyEvent(key)) }
	active := `document.activeElement`

	press("j")
	b.await(active + `.textContent.includes('batches/two')`)
	press("j")
	b.await(active + `.textContent.includes('batches/one') && ` + active + `.getAttribute('aria-current') === 'true'`)
	press("k")
	press(kb.ArrowDown)
	b.await(active + `.textContent.includes('batches/one')`)
	press(kb.Enter)
	b.await(active + `.id === 'detail' && document.querySelector('#detail h2').textContent.includes('batch.succeeded')`)
	press("r")
	b.await(`document.getElementById('said').textContent === 'The receiver answered 200 duplicate.'`)
	press("e")
	b.await(active + `.id === 'edit-body'`)
	press(kb.Escape)
	b.await(`!document.querySelector('dialog[open]')`)
	press("?")
	b.await(`document.getElementById('help').open`)
	press(kb.Escape)
	b.await(`!document.querySelector('dialog[open]')`)
	press(kb.Escape)
	b.await(active + `.closest('#list') !== null`)
	press("/")
	b.await(active + `.id === 'search'`)
	press("two")
	b.await(`document.getElementById('count').textContent === '1 of 3'`)
	// Every control can be reached by the tabulator key.
	reached := map[string]bool{}
	for range 12 {
		press(kb.Tab)
		reached[value[string](b, active+`.id || `+active+`.tagName`)] = true
	}
	for _, id := range []string{"standing", "type", "tenant", "clear", "A", "send", "edit-open", "copy"} {
		if !reached[id] {
			t.Errorf("the tabulator key does not reach %s, only %v", id, reached)
		}
	}
}

// A narrow window shows either the list or the details, and has nothing to scroll sideways.
func TestNarrow(t *testing.T) {
	f := browser(t)
	f.event("batch.succeeded", "batches/"+strings.Repeat("long", 60))
	b := f.open(narrow())
	fits := `document.documentElement.scrollWidth <= innerWidth`
	b.await(fits + ` && document.querySelectorAll('#list a').length === 1`)
	b.choose("batches/")
	b.await(fits + ` && getComputedStyle(document.querySelector('nav')).display === 'none'`)
	b.click("back")
	b.await(`getComputedStyle(document.getElementById('detail')).display === 'none' && document.activeElement.closest('#list') !== null`)
}

// Markup, escape sequences and the like in payloads and headers are shown as text.
func TestHostilePayloadsStayText(t *testing.T) {
	f := browser(t)
	markup := `<img src=x onerror="window.pwned=1"><script>window.pwned=2</script><style>*{display:none}</style>`
	for i, body := range []string{
		`{"type":` + quotedRaw(markup) + `,"data":{"id":` + quotedRaw(markup) + `}}`,
		"{\"type\":\"hostile.escapes\x1b[31m\",\"data\":{\"id\":\"\x1b]0;title\x07\"}}",
		"{\"type\":\"hostile.bidi\",\"data\":{\"id\":\"\u202egnp.exe\u2066\u200f\"}}",
		"{\"type\":\"hostile.bytes\",\"data\":{\"id\":\"\xff\xfe\"}}",
		`{"type":"hostile.large","data":{"id":"` + strings.Repeat("<b>", 300_000) + `"}}`,
		`{"type":"__proto__","data":{"id":"constructor"}}`,
	} {
		d := f.signed([]byte(body))
		d.Header.Set("X-Hostile", markup)
		if i == 0 {
			d.Header.Set(standin.HeaderID, markup)
		}
		f.post("/", d)
	}
	b := f.open()
	b.await(`document.querySelectorAll('#list a').length === 6`)
	ids := value[[]string](b, `[...document.querySelectorAll('#list a')].map(a => a.hash.slice(2))`)
	slices.Reverse(ids)
	for i, wanted := range []string{markup, "⟦U+001B⟧[31m", "⟦U+202E⟧gnp.exe⟦U+2066⟧⟦U+200F⟧", "⟦0xFF⟧⟦0xFE⟧", "<b><b><b>", "__proto__"} {
		b.do(script(`choose(` + quoted(ids[i]) + `)`))
		b.await(`document.getElementById('detail').dataset.id === ` + quoted(ids[i]))
		if shown := b.detail(); !strings.Contains(strings.ReplaceAll(shown, `\"`, `"`), wanted) {
			t.Errorf("payload %d does not show as text %q:\n%.2000s", i, wanted, shown)
		}
		if unsafe := value[bool](b, `/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(document.body.textContent)`); unsafe {
			t.Errorf("payload %d: control or bidirectional characters reach the page", i)
		}
	}
	b.choose("hostile.large")
	b.click("request-all")
	b.await(`document.querySelector('#detail pre').textContent.length > 900000`)
	if pwned := value[bool](b, `'pwned' in window || document.querySelectorAll('#panes img, #panes script, #panes style, #panes b').length > 0`); pwned {
		t.Error("a payload became markup")
	}
	if violations := value[[]string](b, `window.violations`); len(violations) != 0 {
		t.Errorf("the content security policy had to stop %q", violations)
	}
	// If the page made a mistake, the policy alone would stop it.
	refused := value[bool](b, `(() => { try { document.body.innerHTML = '<b>x</b>'; return false } catch { return true } })()`)
	if !refused {
		t.Error("the browser takes markup from a string")
	}
	stopped := value[string](b, `new Promise(done => {
		addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
		fetch('http://127.0.0.1:1/').then(() => done('nothing'), () => {});
	})`)
	if stopped != "connect-src" {
		t.Errorf("what stops a connection to another server is %s, want connect-src", stopped)
	}
}

// quotedRaw returns a text as JSON that is not escaped for HTML.
func quotedRaw(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

func TestWithoutItsTokenThePageShowsNothing(t *testing.T) {
	f := browser(t)
	f.event("batch.succeeded", "batches/one")
	url, _ := f.parts()
	b := f.open()
	b.await(`document.querySelectorAll('#list a').length === 1 && location.hash === ''`)
	b.do(script(`sessionStorage.clear()`), chromedp.Navigate(url+"/?"))
	b.await(`document.getElementById('connection').textContent.startsWith('open the page by the URL that was printed')`)
	if n := value[int](b, `document.querySelectorAll('#list a').length`); n != 0 {
		t.Errorf("%d deliveries are shown, want none", n)
	}
}

// Axe finds no violation in the list, the details and the dialog: in light, dark and narrow.
func TestAccessibility(t *testing.T) {
	f := browser(t)
	axe, err := os.ReadFile(filepath.Join(npm.Install(t, "testdata"), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	shown := len(f.refusals()) + 1
	record := f.event("batch.succeeded", "batches/one")
	f.log.Update(inspect.ByID(record.ID), func(r *inspect.Record) {
		r.Attempts = []inspect.Attempt{{At: time.Now(), URL: "http://127.0.0.1:9/", Request: *r.Request, Answer: inspect.Answer{Err: "connection refused"}}}
		r.Objects = []inspect.Object{{URI: "gs://bucket/batch.json", ContentType: "application/json", Bytes: 12}}
	})
	for name, test := range map[string]struct {
		before []step
		rules  string // those that depend on how the page is shown; empty: all
	}{
		"light":  {nil, ""},
		"dark":   {[]step{dark()}, `'color-contrast'`},
		"narrow": {[]step{narrow()}, `'color-contrast', 'region', 'landmark-one-main', 'scrollable-region-focusable', 'target-size'`},
	} {
		t.Run(name, func(t *testing.T) {
			b := f.open(test.before...)
			b.t = t
			b.await(fmt.Sprintf(`document.querySelectorAll('#list a').length === %d`, shown))
			b.do(script(string(axe)))
			options := `{resultTypes: ['violations']`
			if test.rules != "" {
				options += `, runOnly: [` + test.rules + `]`
			}
			wantNoViolation := func(where string) {
				t.Helper()
				for _, violation := range value[[]string](b, `axe.run(document, `+options+`}).then(r =>
					r.violations.map(v => v.id + ': ' + v.help + ': ' + v.nodes.map(n => n.target).join(', ')))`) {
					t.Errorf("%s: %s", where, violation)
				}
			}
			wantNoViolation("list")
			b.choose("bad_signature")
			wantNoViolation("a refusal")
			if name == "narrow" {
				b.click("back")
			}
			b.choose("batches/one")
			b.do(script(`document.querySelectorAll('#detail details').forEach(d => { d.open = true })`))
			wantNoViolation("details")
			b.do(script(`openEdit()`))
			wantNoViolation("editing")
		})
	}
}
