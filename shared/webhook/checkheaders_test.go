package webhook_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// CheckHeaders refuses, before there is a body or a key, what Verify refuses for the headers alone,
// and nothing else.
func TestCheckHeaders(t *testing.T) {
	t.Parallel()
	noKeys := webhook.NewStatic(&source[webhook.Secrets]{err: webhook.ErrKeysUnavailable}, options)
	noKeySet := webhook.NewDynamic(&source[webhook.KeySet]{err: webhook.ErrKeysUnavailable}, options)
	noAudience := webhook.NewDynamic(&source[webhook.KeySet]{err: webhook.ErrKeysUnavailable}, &webhook.Options{Now: options.Now})
	const token = "a.b.c"
	for name, test := range map[string]struct {
		verifier interface{ CheckHeaders(http.Header) error }
		id       string
		time     string
		list     string
		want     error
	}{
		"static":                        {noKeys, "msg_1", "1769083200", "v1,forged", nil},
		"static, of no known version":   {noKeys, "msg_1", "1769083200", "v2,x", nil},
		"static, no id":                 {noKeys, "", "1769083200", "v1,x", webhook.ErrMissingHeader},
		"static, stale":                 {noKeys, "msg_1", "1769082899", "v1,x", webhook.ErrStaleTimestamp},
		"static, at the tolerance":      {noKeys, "msg_1", "1769082900", "v1,x", nil},
		"static, of a dynamic webhook":  {noKeys, "msg_1", "1769083200", "v1a,x", webhook.ErrDynamicURLRequired},
		"static, a token":               {noKeys, "msg_1", "1769083200", token, webhook.ErrDynamicURLRequired},
		"dynamic":                       {noKeySet, "msg_1", "1769083200", "v1a,forged", nil},
		"dynamic, no time":              {noKeySet, "msg_1", "", "v1a,x", webhook.ErrMissingHeader},
		"dynamic, ahead":                {noKeySet, "msg_1", "1769083501", "v1a,x", webhook.ErrStaleTimestamp},
		"dynamic, of a static webhook":  {noKeySet, "msg_1", "1769083200", "v1,x", webhook.ErrBadSignature},
		"dynamic, a token of any age":   {noKeySet, "msg_1", "1", token, nil},
		"dynamic, a token not accepted": {noAudience, "msg_1", "1769083200", token, webhook.ErrBadToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			header.Set(standin.HeaderID, test.id)
			header.Set(standin.HeaderTimestamp, test.time)
			header.Set(standin.HeaderSignature, test.list)
			if err := test.verifier.CheckHeaders(header); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}
