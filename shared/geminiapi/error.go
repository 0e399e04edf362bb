package geminiapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// The kinds of failure that callers decide by, for errors.Is.
var (
	// ErrInvalid is a request that no retry can cure: what Gemini calls an invalid argument, or
	// what was not sent because Gemini would.
	ErrInvalid = errors.New("invalid request")

	// ErrPermission is an API key that is missing, unknown, or not allowed to do this.
	ErrPermission = errors.New("permission denied")

	// ErrNotFound is a webhook, job or file that does not exist. Gemini says the same of a file
	// with status 403, in words that leave open whether the file is another project's.
	ErrNotFound = errors.New("not found")

	// ErrConflict is a request that the webhook's present condition forbids.
	ErrConflict = errors.New("conflict")

	// ErrRateLimited is a quota that is used up, after the last attempt.
	ErrRateLimited = errors.New("too many requests")

	// ErrUnavailable is a fault on Gemini's side, after the last attempt.
	ErrUnavailable = errors.New("service unavailable")

	// ErrOutcomeUnknown is a Create that may have registered the webhook although its answer was
	// lost or a fault.
	ErrOutcomeUnknown = errors.New("the webhook may have been registered all the same")
)

// ErrMalformedAnswer is a success whose content is not what the API's reference describes.
var ErrMalformedAnswer = errors.New("malformed answer")

// ErrElsewhere is a pointer to a file that is not on Gemini's host, such as a gs:// URI. It is not
// fetched.
var ErrElsewhere = errors.New("the file is not on Gemini's host")

// An Error is Gemini's refusal.
type Error struct {
	HTTPStatus int    // such as 404
	Code       int    // as in the body, usually the HTTP status; 0 where there is none
	Message    string // a sentence, without the API key; empty where there is none
	Status     string // such as "NOT_FOUND"; empty where there is none
	Reason     string // of google.rpc.ErrorInfo, such as "API_KEY_INVALID"; empty where there is none
}

// Error has the status and Gemini's sentence.
func (e *Error) Error() string {
	text := fmt.Sprintf("status %d", e.HTTPStatus)
	if e.Status != "" {
		text += " " + e.Status
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// reasonKeyInvalid comes with status 400: for Google an unknown key is an argument like any other.
const reasonKeyInvalid = "API_KEY_INVALID"

// fileGone reports whether this is Gemini's answer about a file that no longer exists: "You do not
// have permission to access the File … or it may not exist." An API key that is refused gets other
// words.
func (e *Error) fileGone() bool {
	return e.HTTPStatus == http.StatusForbidden &&
		strings.Contains(e.Message, "access the File") && strings.Contains(e.Message, "may not exist")
}

// Is reports whether the error is of the kind of one of the package's sentinel errors.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrPermission:
		return !e.fileGone() && (e.HTTPStatus == http.StatusUnauthorized || e.HTTPStatus == http.StatusForbidden || e.Reason == reasonKeyInvalid)
	case ErrInvalid:
		return e.HTTPStatus == http.StatusBadRequest && e.Reason != reasonKeyInvalid
	case ErrNotFound:
		return e.HTTPStatus == http.StatusNotFound || e.fileGone()
	case ErrConflict:
		return e.HTTPStatus == http.StatusConflict
	case ErrRateLimited:
		return e.HTTPStatus == http.StatusTooManyRequests
	case ErrUnavailable:
		return e.HTTPStatus >= 500
	}
	return false
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// maxMessage is how much of a message is kept, in bytes: enough for any sentence of Gemini's, and
// no proxy's error page.
const maxMessage = 2 << 10

// refusal reads an answer that is not a success.
func refusal(status int, body []byte, key string) *Error {
	var answer struct {
		Error struct {
			Code    json.RawMessage `json:"code"`
			Message string          `json:"message"`
			Status  string          `json:"status"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	e := &Error{HTTPStatus: status}
	if json.Unmarshal(body, &answer) != nil {
		e.Message = http.StatusText(status)
		return e
	}
	e.Message, e.Status = answer.Error.Message, answer.Error.Status
	// Some of the API's newer parts have a text such as "invalid_request" for a code, and no
	// status.
	var name string
	if json.Unmarshal(answer.Error.Code, &e.Code) != nil && json.Unmarshal(answer.Error.Code, &name) == nil {
		e.Status = cmp.Or(e.Status, name)
	}
	for _, detail := range answer.Error.Details {
		e.Reason = cmp.Or(e.Reason, detail.Reason)
	}
	// Google quotes the key, for one, in the message about a project that is suspended.
	for _, text := range []*string{&e.Message, &e.Status, &e.Reason} {
		if key != "" {
			*text = strings.ReplaceAll(*text, key, "[API key]")
		}
		*text = strings.ToValidUTF8((*text)[:min(len(*text), maxMessage)], "")
	}
	return e
}
