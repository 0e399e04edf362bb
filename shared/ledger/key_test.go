package ledger_test

import (
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/ledger"
)

func TestKeyText(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	// SHA-256 of 1494 and 1488 times "x", as sha256sum prints them.
	const sum1494 = "5a540b9a1570ea9ec9d699c5104572b0576bd7de26db71753c4380febc4fb293"
	const sum1488 = "efa10be3e16a713487ef71f8612ae286a03f7665174feb89003c14bc68845b02"
	for name, test := range map[string]struct{ got, want ledger.Key }{
		"plain static":         {ledger.StaticKey("msg_1-a.b~c"), "static!msg_1-a.b~c"},
		"plain dynamic":        {ledger.DynamicKey("acme", "msg_1"), "dynamic!acme!msg_1"},
		"empty":                {ledger.StaticKey(""), "static!"},
		"dots":                 {ledger.StaticKey(".."), "static!.."},
		"slash":                {ledger.StaticKey("a/b"), "static!a%2Fb"},
		"reserved":             {ledger.StaticKey("__x__"), "static!__x__"},
		"exclamation mark":     {ledger.DynamicKey("a", "b!c"), "dynamic!a!b%21c"},
		"space and plus":       {ledger.StaticKey("a b+c"), "static!a+b%2Bc"},
		"percent":              {ledger.StaticKey("%2F"), "static!%252F"},
		"non-ASCII":            {ledger.StaticKey("ü"), "static!%C3%BC"},
		"not UTF-8":            {ledger.StaticKey("\xff\x00"), "static!%FF%00"},
		"looks like a digest":  {ledger.StaticKey("sha256:00"), "static!sha256%3A00"},
		"longest static":       {ledger.StaticKey(x(1493)), ledger.Key("static!" + x(1493))},
		"too long by one":      {ledger.StaticKey(x(1494)), "static!sha256:" + sum1494},
		"too long for dynamic": {ledger.DynamicKey("acme", x(1488)), "dynamic!acme!sha256:" + sum1488},
	} {
		if test.got != test.want {
			t.Errorf("%s: key %q, want %q", name, test.got, test.want)
		}
		if err := checkLegal(test.got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLookalikesDoNotCollide(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	_, digest, _ := strings.Cut(string(ledger.StaticKey(long)), "static!")
	if !strings.HasPrefix(digest, "sha256:") {
		t.Fatalf("the key of a long id is %q", ledger.StaticKey(long))
	}
	distinct(t, []ledger.Key{
		ledger.StaticKey(long),
		ledger.StaticKey(digest), // the id that a long one's key seems to have
		ledger.StaticKey(strings.Replace(digest, ":", "%3A", 1)),
		ledger.StaticKey(long + "x"),
		ledger.StaticKey(strings.ToUpper(long)),
		ledger.StaticKey("acme!" + long),
		ledger.DynamicKey("acme", long),
		ledger.DynamicKey("acme", digest),
		ledger.DynamicKey("acme-2", long),
		ledger.StaticKey("acme!x"),
		ledger.DynamicKey("acme", "x"),
		ledger.DynamicKey("acme", "!x"),
		ledger.DynamicKey("acme", "acme!x"),
		ledger.StaticKey("\xff"),
		ledger.StaticKey("\xfe"),
		ledger.StaticKey("\uFFFD"),
		ledger.StaticKey("%FF"),
		ledger.StaticKey("a b"),
		ledger.StaticKey("a+b"),
		ledger.StaticKey("a%20b"),
	})
}

func distinct(t *testing.T, keys []ledger.Key) {
	t.Helper()
	seen := map[ledger.Key]int{}
	for i, key := range keys {
		if other, again := seen[key]; again {
			t.Errorf("keys %d and %d are both %q", other, i, key)
		}
		seen[key] = i
		if err := checkLegal(key); err != nil {
			t.Error(err)
		}
	}
}

func TestTokenKey(t *testing.T) {
	t.Parallel()
	same := ledger.TokenKey("acme", "batch.succeeded", "batch_1", "2026-01-22T12:00:00Z", []byte("msg_1"))
	if again := ledger.TokenKey("acme", "batch.succeeded", "batch_1", "2026-01-22T12:00:00Z", []byte("msg_2")); again != same {
		t.Errorf("the same event under another webhook-id has key %q, not %q", again, same)
	}
	if !strings.HasPrefix(string(same), "jwt!acme!") {
		t.Errorf("key %q does not begin with scheme and tenant", same)
	}
	distinct(t, []ledger.Key{
		same,
		ledger.TokenKey("acme-2", "batch.succeeded", "batch_1", "2026-01-22T12:00:00Z", []byte("msg_1")),
		ledger.TokenKey("acme", "batch.failed", "batch_1", "2026-01-22T12:00:00Z", []byte("msg_1")),
		ledger.TokenKey("acme", "batch.succeeded", "batch_2", "2026-01-22T12:00:00Z", []byte("msg_1")),
		ledger.TokenKey("acme", "batch.succeeded", "batch_1", "2026-01-22T12:00:01Z", []byte("msg_1")),
		ledger.DynamicKey("acme", "msg_1"),
		ledger.StaticKey("msg_1"),
	})
}

// TestTokenKeyOfLittle is about events that the three members do not identify: there all claims do.
func TestTokenKeyOfLittle(t *testing.T) {
	t.Parallel()
	distinct(t, []ledger.Key{
		ledger.TokenKey("acme", "t", "", "at", []byte(`{"type":"t","timestamp":"at"}`)),
		ledger.TokenKey("acme", "t", "", "at", []byte(`{"type":"t","timestamp":"at","n":1}`)),
		ledger.TokenKey("acme", "t", "id", "", []byte(`{"type":"t","data":{"id":"id"}}`)),
		ledger.TokenKey("acme", "", "id", "at", []byte(`{"data":{"id":"id"},"timestamp":"at"}`)),
		ledger.TokenKey("acme", "", "", "", []byte(`{}`)),
		ledger.TokenKey("acme", "t", "id", "at", []byte(`{}`)),
	})
	same := ledger.TokenKey("acme", "t", "", "at", []byte(`{"type":"t"}`))
	if again := ledger.TokenKey("acme", "t", "", "at", []byte(`{"type":"t"}`)); again != same {
		t.Errorf("the same claims have keys %q and %q", same, again)
	}
}

// TestTokenKeyKeepsPartsApart moves bytes from one part to the next, any separator among them.
func TestTokenKeyKeepsPartsApart(t *testing.T) {
	t.Parallel()
	for _, separator := range []string{"", "\x00", "!", ":", ",", " ", `"`, `" "`, "\\", "\n", "\x1f"} {
		distinct(t, []ledger.Key{
			ledger.TokenKey("acme", "a"+separator+"b", "c", "d", []byte("w")),
			ledger.TokenKey("acme", "a", "b"+separator+"c", "d", []byte("w")),
			ledger.TokenKey("acme", "a", "b", "c"+separator+"d", []byte("w")),
			ledger.TokenKey("acme", "a"+separator, "d", "w", []byte("")),
			ledger.TokenKey("acme", "a", "", "d", []byte("w")),
		})
	}
}
