package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deployment"
)

// clockSkew is how far apart clocks may be before the check fails. A Date header is precise to a
// second, and a call takes a few at most. A delivery is refused for its age only when clocks differ
// by GEMHOOK_TOLERANCE, five minutes.
const clockSkew = 30 * time.Second

// clocks compares this machine's clock with the receiver's and Gemini's: the age of a delivery is
// the difference between Gemini's clock and the receiver's, and deliveries that are sent from here
// have this machine's time.
func (e *examination) clocks(ctx context.Context) (string, error) {
	receiver, known := e.ahead(ctx, e.url+"/")
	if !known {
		return "the receiver's answer has no date", errNothingToCheck
	}
	keySet, err := e.Settings.KeySet()
	if err != nil {
		return "", err
	}
	gemini, ofGemini := e.ahead(ctx, keySet)
	agree := func(a, b time.Duration) bool { return (a - b).Abs() <= clockSkew }
	switch {
	case agree(receiver, 0) && (!ofGemini || agree(gemini, 0)):
		return "this machine's and the receiver's agree", nil
	case ofGemini && agree(receiver, gemini):
		return "", fail("set this machine's clock, or have it set by NTP",
			"this machine's clock is %s, compared with the receiver's and Gemini's", off(-receiver))
	case ofGemini && agree(gemini, 0):
		return "", fail("have the clock of the receiver's machine set by NTP: it refuses deliveries that seem older than "+deployment.Tolerance.Variable(),
			"the receiver's clock is %s, compared with this machine's and Gemini's", off(receiver))
	case !ofGemini:
		return "", fail("find out which of the two is wrong, and have it set by NTP", "the receiver's clock is %s, seen from this machine's", off(receiver))
	}
	return "", fail("have the clocks of this machine and of the receiver's set by NTP",
		"the receiver's clock is %s and Gemini's is %s, seen from this machine's", off(receiver), off(gemini))
}

func off(ahead time.Duration) string {
	if ahead < 0 {
		return fmt.Sprintf("%s behind", (-ahead).Round(time.Second))
	}
	return fmt.Sprintf("%s ahead", ahead.Round(time.Second))
}

// ahead returns how far a server's clock is ahead of this machine's, by the Date of its answer.
func (e *examination) ahead(ctx context.Context, url string) (time.Duration, bool) {
	ctx, cancel := e.call(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, false
	}
	asked := e.Now()
	response, err := e.HTTP.Do(request)
	if err != nil {
		return 0, false
	}
	defer response.Body.Close()
	answered := e.Now()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	date, err := http.ParseTime(response.Header.Get("Date"))
	return date.Sub(asked.Add(answered.Sub(asked) / 2)), err == nil
}
