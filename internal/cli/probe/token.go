package probe

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gemhook/gemhook/internal/standin"
)

// KnowsToken reports whether the receiver accepts the token in a dynamic URL. It posts a delivery
// without any header: the receiver checks the token first, and then refuses the missing headers.
// Its error is an [*UnexpectedError] or that of a request without an answer, and never names the
// URL.
func KnowsToken(ctx context.Context, client *http.Client, url string) (bool, error) {
	answer, err := standin.Send(ctx, client, url, standin.Delivery{})
	switch {
	case err != nil:
		return false, fmt.Errorf("probe the receiver: %w", err)
	case answer.StatusCode == http.StatusBadRequest && answer.Error == "missing_header":
		return true, nil
	case answer.StatusCode == http.StatusUnauthorized && answer.Error == "unknown_token":
		return false, nil
	}
	return false, &UnexpectedError{StatusCode: answer.StatusCode, Code: answer.Error, Message: answer.Message}
}
