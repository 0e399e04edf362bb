package doctor

import (
	"context"
	"errors"
	"net"
	"net/url"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

// unlistedAdvice is what to do in place of a check that would look for a delivery in a ledger that cannot be listed. A
// deployment may have chosen that, so it is no failure.
const unlistedAdvice = "follow the topic with gemhook tail, and have Gemini send a test delivery: gemhook webhooks ping"

// adviceOn says what to do about an error by its kind alone.
func adviceOn(err error) string {
	switch {
	case errors.Is(err, geminiapi.ErrPermission):
		return "check GEMINI_API_KEY: it must be a key of the project that the webhook belongs to"
	case errors.Is(err, geminiapi.ErrRateLimited):
		return "wait a while and run doctor again"
	case errors.Is(err, context.DeadlineExceeded):
		return "check the network, and whether the service is up"
	case OfNetwork(err):
		return "check the network and the URL"
	}
	switch status.Code(err) {
	case codes.PermissionDenied:
		return "have the role granted, or run this as an account that has it (gcloud auth application-default login)"
	case codes.Unauthenticated:
		return "log in: gcloud auth application-default login"
	case codes.Unavailable, codes.DeadlineExceeded:
		return "check the network; if an emulator is meant, whether it runs where the environment says"
	}
	return ""
}

// OfNetwork tells whether an error is that of having no connection, or of losing one, over HTTP. (An error of the file
// system is a net.Error as well.)
func OfNetwork(err error) bool {
	var (
		request    *url.Error
		connection *net.OpError
	)
	return errors.As(err, &request) || errors.As(err, &connection)
}
