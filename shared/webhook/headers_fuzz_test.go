package webhook_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/webhook"
)

// FuzzHeaders sends any three headers, each in any of four shapes, that are signed as they are, at
// any time.
func FuzzHeaders(f *testing.F) {
	f.Add("msg_1", "1769083200", "", byte(0), int32(0))
	f.Add("msg_1", "1769083200", "v1a,AAAA", byte(0), int32(300))
	f.Add("msg_1", "1769083200", "", byte(0), int32(301))
	f.Add("msg_1", "1769083200", "", byte(0), int32(-301))
	f.Add("\xff\x00\r\n", "00000001769083200", "a.b.c", byte(0), int32(-300))
	f.Add("msg_1", "+1769083200", "", byte(0), int32(0))
	f.Add("msg_1", "１７６９０８３２００", "", byte(0), int32(0))
	f.Add("msg_1", "9223372036854775807", "", byte(0), int32(0))
	f.Add("msg_1", "9223372036854775808", "", byte(0), int32(0))
	f.Add("", "", "", byte(0), int32(0))
	for shape := range 64 {
		f.Add("msg_1", "1769083200", "v1,v1", byte(shape), int32(1))
	}
	for _, length := range []int{8192, 8193} {
		f.Add(strings.Repeat("i", length), "1769083200", "", byte(0), int32(0))
		f.Add("msg_1", strings.Repeat("0", length-10)+"1769083200", "", byte(0), int32(0))
		f.Add("msg_1", "1769083200", strings.Repeat(" ", length-len("v1,")-44-1), byte(0), int32(0))
	}
	const body = `{"type":"batch.succeeded"}`
	f.Fuzz(func(t *testing.T, id, timestamp, more string, shape byte, age int32) {
		header := http.Header{}
		for i, line := range []struct{ name, value string }{
			{"Webhook-Id", id},
			{"Webhook-Timestamp", timestamp},
			{"Webhook-Signature", signText(t, id+"."+timestamp+"."+body) + " " + more},
		} {
			switch shape >> (2 * i) & 3 {
			case 0:
				header[line.name] = []string{line.value}
			case 1:
				header[line.name] = []string{line.value, line.value}
			case 2:
				header[line.name] = []string{"", line.value}
			}
		}
		at := now
		if seconds, ok := secondsOf(timestamp); ok && seconds < 1<<40 {
			at = time.Unix(seconds+int64(age), 0)
		}
		o := outcomeOf(t, secretsOf(t, 1), byStatic(at), header, []byte(body))
		if err := checkHeaders(header, body, at, o); err != nil {
			t.Error(err)
		}
	})
}

// checkHeaders wants a request that is signed well to be accepted if, and only if, its headers are
// well formed and fresh, and then to be what was sent.
func checkHeaders(header http.Header, body string, at time.Time, o outcome) error {
	if err := checkOutcome(o, webhook.ErrMissingHeader, webhook.ErrMalformedHeader, webhook.ErrStaleTimestamp); err != nil {
		return err
	}
	missing, malformed := flaws(header)
	seconds, _ := secondsOf(header.Get("webhook-timestamp"))
	fresh := math.Abs(float64(at.Unix())-float64(seconds)) <= 300
	switch {
	case missing || malformed:
		if errors.Is(o.err, webhook.ErrMissingHeader) && missing || errors.Is(o.err, webhook.ErrMalformedHeader) && malformed {
			return nil
		}
		return fmt.Errorf("headers that are missing: %t, malformed: %t, and the error is %v", missing, malformed, o.err)
	case !fresh:
		if !errors.Is(o.err, webhook.ErrStaleTimestamp) {
			return fmt.Errorf("signed at %d, looked at at %d, and the error is %v", seconds, at.Unix(), o.err)
		}
		return nil
	case o.err != nil:
		return fmt.Errorf("headers that are well formed and fresh: %w", o.err)
	}
	sent := [...]string{header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature"), body}
	if read := [...]string{o.id, o.timestamp, o.signature, o.signed}; read != sent {
		return fmt.Errorf("read %q, sent %q", read, sent)
	}
	if o.at.Unix() != seconds {
		return fmt.Errorf("time %s of timestamp %s", o.at, o.timestamp)
	}
	return nil
}

// flaws are what the contract has to say against the headers.
func flaws(header http.Header) (missing, malformed bool) {
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		switch values := header[name]; {
		case len(values) == 0, len(values) == 1 && values[0] == "":
			missing = true
		case len(values) > 1, len(values[0]) > 8192:
			malformed = true
		}
	}
	if values := header["Webhook-Timestamp"]; len(values) == 1 && values[0] != "" {
		_, ok := secondsOf(values[0])
		malformed = malformed || !ok
	}
	return missing, malformed
}

var digits = regexp.MustCompile(`\A[0-9]+\z`)

// secondsOf is the number that digits are, unless there is anything else or it is too large.
func secondsOf(timestamp string) (int64, bool) {
	number, ok := new(big.Int).SetString(timestamp, 10)
	if !digits.MatchString(timestamp) || !ok || !number.IsInt64() {
		return 0, false
	}
	return number.Int64(), true
}

func TestHeadersCheckCanFail(t *testing.T) {
	t.Parallel()
	const body, timestamp = "{}", "1769083200"
	header := func(changes ...func(http.Header)) http.Header {
		h := http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {"v1,a"}}
		for _, change := range changes {
			change(h)
		}
		return h
	}
	with := func(name string, values ...string) func(http.Header) { return func(h http.Header) { h[name] = values } }
	refused := func(reason error) outcome { return outcome{err: &webhook.Refusal{Reason: reason, Detail: "No."}} }
	read := outcome{id: "msg_1", timestamp: timestamp, signature: "v1,a", signed: body, at: now}
	changed := func(change func(*outcome)) outcome { o := read; change(&o); return o }
	for name, test := range map[string]struct {
		header  http.Header
		at      time.Time
		outcome outcome
		wrong   bool
	}{
		"accepted":                          {header(), now, read, false},
		"missing":                           {header(with("Webhook-Id")), now, refused(webhook.ErrMissingHeader), false},
		"repeated":                          {header(with("Webhook-Id", "a", "a")), now, refused(webhook.ErrMalformedHeader), false},
		"stale":                             {header(), now.Add(time.Hour), refused(webhook.ErrStaleTimestamp), false},
		"repeated, the first is taken":      {header(with("Webhook-Id", "msg_1", "msg_2")), now, read, true},
		"empty, and accepted":               {header(with("Webhook-Id", "")), now, read, true},
		"missing, and accepted":             {header(with("Webhook-Id")), now, read, true},
		"too long, and accepted":            {header(with("Webhook-Id", strings.Repeat("i", 8193))), now, read, true},
		"sign, and accepted":                {header(with("Webhook-Timestamp", "+"+timestamp)), now, read, true},
		"too large, and accepted":           {header(with("Webhook-Timestamp", timestamp+timestamp)), now, read, true},
		"missing is called stale":           {header(with("Webhook-Id")), now, refused(webhook.ErrStaleTimestamp), true},
		"missing is called malformed":       {header(with("Webhook-Id")), now, refused(webhook.ErrMalformedHeader), true},
		"stale, and accepted":               {header(), now.Add(301 * time.Second), read, true},
		"ahead, and accepted":               {header(), now.Add(-301 * time.Second), read, true},
		"fresh, and refused":                {header(), now.Add(300 * time.Second), refused(webhook.ErrStaleTimestamp), true},
		"another id":                        {header(), now, changed(func(o *outcome) { o.id = "msg_2" }), true},
		"timestamp without its zeros":       {header(with("Webhook-Timestamp", "0"+timestamp)), now, read, true},
		"time in milliseconds":              {header(), now, changed(func(o *outcome) { o.at = time.UnixMilli(now.Unix()) }), true},
		"another body":                      {header(), now, changed(func(o *outcome) { o.signed = "" }), true},
		"signature without the unknown one": {header(with("Webhook-Signature", "v1,a v2,b")), now, read, true},
	} {
		wantComplaint(t, name, checkHeaders(test.header, body, test.at, test.outcome), test.wrong)
	}
}
