package screen_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/listen/screen"
	"github.com/gemhook/gemhook/internal/testkit/terminal"
	"github.com/gemhook/gemhook/shared/ledger"
)

func TestListHasTheLatestAnswerOfEachEvent(t *testing.T) {
	f := newFixture(t, 100, 12, "topic events → http://localhost:3000/hook …")
	f.Await("topic events → http://localhost:3000/hook …", "no event has come yet", "q end")
	first := newEvent("msg_1", nil)
	f.shown.Attempted(attempt(first, 1, 503, ""))
	f.Await("event 1 of 1, 1 not handled")
	f.shown.Attempted(attempt(first, 2, 200, ""))
	f.shown.Attempted(attempt(newEvent("msg_2", map[string]string{"ce-tenant": "acme", ledger.RedeliveredAttribute: "true"}), 1, 500, ""))
	f.shown.Note("connected again after 3s")
	f.Await("event 2 of 2, 1 not handled", "12:00:00Z  connected again after 3s")
	for _, want := range []string{
		"TIME       TYPE             ANSWER                     ATTEMPTS  MARKED  TENANT  ID",
		"12:00:01Z  batch.succeeded  200 OK                     2                         msg_1",
		"12:00:01Z  batch.succeeded  500 Internal Server Error  1         marked  acme    msg_2",
	} {
		if !strings.Contains(f.Shown(), want) {
			t.Errorf("the screen lacks %q", want)
		}
	}
}

func TestEventIsShownWhole(t *testing.T) {
	f := newFixture(t, 80, 40)
	event := newEvent("msg_1", map[string]string{ledger.RedeliveredAttribute: "true"})
	first := attempt(event, 1, 503, "come back\r\nlater\n")
	first.Reason, first.Retry = "the message is marked as one that may be a copy", 2e9
	f.shown.Attempted(first)
	f.Await("msg_1")
	f.Type(terminal.Enter)
	f.Await("batch.succeeded  msg_1", "message 4711, published 2026-11-27T12:00:00Z, from the topic", "marked as what may be a copy",
		"  ce-type: batch.succeeded", "Data, 55 bytes", `    "type": "batch.succeeded",`,
		"12:00:01Z  Attempt 1, the message is marked", "  POST http://localhost:3000/hook", "  Ce-Id: msg_1", "  (the data)",
		"  503 Service Unavailable, 4 ms, again in 2s", "  X-Local: yes", "  come back", "  later", "Esc back")
	// What comes meanwhile is shown, too.
	f.shown.Attempted(attempt(event, 2, 200, ""))
	f.Type(terminal.End)
	f.Await("Attempt 2, after", "  200 OK, 4 ms", "  (no body)")
	f.Type(terminal.Esc)
	f.Await("event 1 of 1, 0 not handled")
}

func TestKeysMove(t *testing.T) {
	f := newFixture(t, 60, 8) // five events to be seen
	for i := range 12 {
		f.shown.Attempted(attempt(newEvent(fmt.Sprintf("msg_%d", i+1), nil), 1, 200, ""))
	}
	f.Await("event 12 of 12")
	for _, test := range []struct {
		keys    string
		current int
	}{
		{"k", 11}, {terminal.Up, 10}, {"j", 11}, {terminal.Down, 12}, {"j", 12}, {terminal.PageUp, 8}, {"g", 1}, {terminal.Up, 1},
		{terminal.PageDown, 5}, {"G", 12}, {terminal.Home, 1}, {terminal.End, 12}, {"kk", 10},
	} {
		f.Type(test.keys)
		f.Await(fmt.Sprintf("event %d of 12", test.current), fmt.Sprintf("msg_%d", test.current))
	}
	// The selection stays where it was moved to, whatever comes.
	f.shown.Attempted(attempt(newEvent("msg_13", nil), 1, 200, ""))
	f.Await("event 10 of 13")
	f.Type(" ")
	f.Await("lines 1 to 4")
	f.Type(" ")
	f.Await("lines 4 to")
	f.Type("G")
	f.Await("(no body)")
	f.Type("q")
	f.Await("event 10 of 13")
}

func TestKeysWithoutAnEvent(t *testing.T) {
	f := newFixture(t, 80, 3) // without space for one
	f.Await("no event has come yet")
	f.Type("rj" + terminal.Enter + terminal.PageUp + "q")
	if err := <-f.ended; err != nil || len(f.sent) > 0 {
		t.Errorf("it ends with %v, and has sent %d", err, len(f.sent))
	}
}

func TestAnEventIsSentAgain(t *testing.T) {
	f := newFixture(t, 80, 20)
	event := newEvent("msg_1", nil)
	f.shown.Attempted(attempt(event, 1, 200, ""))
	f.Await("200 OK")
	f.Type("rr") // the second is for nothing: it is under way
	f.Await("sending …")
	if got := <-f.sent; got != event {
		t.Errorf("sends %v again", got)
	}
	f.shown.Attempted(attempt(event, 0, 418, ""))
	f.sends <- struct{}{}
	f.Await("418 I'm a teapot  2", "0 not handled")
	f.Type(terminal.Enter + "rG")
	f.Await("Sent again by hand", "418 I'm a teapot", "sending …")
	<-f.sent
	if len(f.sent) > 0 {
		t.Error("it is sent once more")
	}
}

// Nothing that others write commands the terminal.
func TestHostileTextIsShownAsText(t *testing.T) {
	f := newFixture(t, 100, 40)
	const hostile = "\x1b]0;owned\x07\u009b2J\u202egnp"
	f.shown.Attempted(attempt(newEvent("msg_"+hostile, map[string]string{"ce-tenant": hostile, "own": hostile}), 1, 200, hostile+"\t\xff."))
	f.shown.Note(hostile)
	f.Await("12:00:00Z  �]0;owned��2J�gnp", "msg_�]0;owned��2J�gnp")
	f.Type(terminal.Enter)
	f.Await("  own: �]0;owned��2J�gnp", "  �]0;owned��2J�gnp    �.", "batch.succeeded  msg_�]0;owned")
	if written := f.Written(); strings.Contains(written, "\x1b]") || strings.ContainsAny(written, "\x07\u009b\u202e") {
		t.Errorf("what is written commands the terminal: %q", written)
	}
}

func TestScreensOfAnySize(t *testing.T) {
	f := newFixture(t, 120, 12, "topic events → http://localhost:3000/a/very/long/way …")
	f.shown.Attempted(attempt(newEvent("msg_日本語", map[string]string{"ce-tenant": "acme"}), 1, 503, strings.Repeat("日", 40)))
	f.Await("ATTEMPTS  TENANT  ID", "msg_日本語")
	f.Resize(50, 12)
	f.Await("TYPE             ANSWER      ID\n", "12:00:01Z  batch.succeeded  503 Servi…  msg_日本語\n")
	f.Resize(30, 12)
	f.Await("topic events → http://localhos\nt:3000/a/very/long/way …\n\n", "TYPE             ANSWER\nbatch.succeeded  503 Service …")
	f.Resize(30, 5) // without the header
	f.Await("TYPE             ANSWER\nbatch.succeeded  503 Service …\n\nevent 1 of 1, 1 not handled\n")
	f.Type(terminal.Enter)
	f.Await("lines 1 to 1")
	f.Resize(21, 60)
	f.Await("  日日日日日日日日日\n  日日日日日日日日日\n")
	for _, size := range [][2]int{{1, 1}, {2, 3}, {1, 60}} {
		f.Resize(size[0], size[1])
		f.Type("jq" + terminal.Enter)
		f.shown.Note("in a small place")
	}
	f.Resize(80, 24)
	f.Await("lines 1 to", "in a small place")
}

func TestColours(t *testing.T) {
	for name, plain := range map[string]bool{"as they are": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixtureWith(t, terminal.New(t, 80, 10), screen.Options{Plain: plain})
			f.shown.Attempted(attempt(newEvent("msg_1", nil), 1, 503, ""))
			f.Type("k")
			f.shown.Attempted(attempt(newEvent("msg_2", nil), 1, 200, ""))
			f.Await("of 2")
			if coloured := strings.Contains(f.Written(), "\x1b[31m") || strings.Contains(f.Written(), "\x1b[32m"); coloured == plain {
				t.Errorf("coloured: %t", coloured)
			}
		})
	}
}

// The oldest events and attempts make room.
func TestWhatIsKeptIsBounded(t *testing.T) {
	f := newFixture(t, 60, 8)
	for i := range 510 {
		f.shown.Attempted(attempt(newEvent(fmt.Sprintf("msg_%d", i+1), nil), 1, 200, ""))
	}
	f.Await("event 500 of 500")
	f.Type("g")
	f.Await("msg_11")
	one := newEvent("msg_one", nil)
	for number := 1; number <= 30; number++ {
		f.shown.Attempted(attempt(one, number, 503, ""))
	}
	f.Type("G" + terminal.Enter + "g" + strings.Repeat("j", 14))
	f.Await("10 earlier attempts, which are not kept")
	f.Type("q")
	body := strings.Repeat("x", 5<<20)
	for number := 1; number <= 13; number++ {
		f.shown.Attempted(attempt(one, number, 503, body))
	}
	f.Await("event 1 of 1,")
}

func TestTheTerminalIsGivenBack(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*fixture)
		fails bool
	}{
		"by q":      {func(f *fixture) { f.Type("q") }, false},
		"by Ctrl-C": {func(f *fixture) { f.Type(terminal.Enter + terminal.CtrlC) }, false},
		"by its context, while something is being sent": {func(f *fixture) { f.Type("r"); <-f.sent; f.stop() }, false},
		"by a terminal that is gone":                    {func(f *fixture) { _ = f.Stop() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 80, 10)
			event := newEvent("msg_1", nil)
			f.shown.Attempted(attempt(event, 1, 200, ""))
			f.Await("msg_1")
			test.end(f)
			if err := <-f.ended; (err != nil) != test.fails {
				t.Errorf("ends with %v", err)
			}
			f.stop()
			if err := f.shown.Wait(); (err != nil) != test.fails {
				t.Errorf("Wait says %v", err)
			}
			if f.shown.Attempted(attempt(event, 2, 200, "")) || f.shown.Note("a line") {
				t.Error("it says that it shows something")
			}
			f.WantRestored()
		})
	}
	t.Run("by a panic", func(t *testing.T) {
		term := terminal.New(t, 80, 10)
		shown, err := screen.Open(screen.Options{Console: term, Now: func() time.Time { panic("on purpose") }})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan any)
		go func() {
			defer func() { ended <- recover() }()
			_ = shown.Run(context.Background())
		}()
		shown.Note("a line")
		if got := <-ended; got != "on purpose" {
			t.Errorf("Run recovers from the panic: %v", got)
		}
		term.WantRestored()
	})
	t.Run("where there is none", func(t *testing.T) {
		var none *screen.Screen
		if none.Attempted(nil) || none.Note("") || none.Wait() != nil {
			t.Error("nothing shows something")
		}
	})
}
