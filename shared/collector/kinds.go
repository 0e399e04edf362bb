package collector

import (
	"context"
	"errors"
	"fmt"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

// A kind is what events of a type are about.
type kind struct {
	collection string // in the names of objects
	collect    func(context.Context, *task) error
}

// kinds are the types of event that have a result.
var kinds = map[string]*kind{
	"batch.succeeded":             {"batches", collectBatch},
	"batch.failed":                {"batches", collectBatch},
	"batch.expired":               {"batches", collectBatch},
	"batch.cancelled":             {"batches", collectBatch},
	"interaction.completed":       {"interactions", collectInteraction},
	"interaction.failed":          {"interactions", collectInteraction},
	"interaction.cancelled":       {"interactions", collectInteraction},
	"interaction.requires_action": {"interactions", collectInteraction},
	"video.generated":             {"videos", collectVideo},
}

// A task is one event on its way into the bucket.
type task struct {
	gemini *geminiapi.Client
	store  *store
	event  *pushed
	result *result
}

// unavailable is the error of a result that no retry can get.
type unavailable struct{ reason string }

func (u *unavailable) Error() string { return u.reason }

// notUnderstood is the reason where Gemini describes a job in a shape of JSON that nobody knows. Even
// a job that still runs has a name or a state.
const notUnderstood = "Gemini describes the job in a way that gemhook does not understand."

func unavailablef(format string, args ...any) error {
	return &unavailable{fmt.Sprintf(format, args...)}
}

// jobError sorts the errors of reading a job: those that a retry can cure, and those that make the
// result unavailable.
func jobError(err error) error {
	var refused *geminiapi.Error
	switch {
	case errors.Is(err, geminiapi.ErrNotFound):
		return unavailablef("Gemini has no such job, or not any more.")
	case errors.Is(err, geminiapi.ErrInvalid) && !errors.As(err, &refused):
		return unavailablef("The event's id is not the name of a job.")
	case errors.Is(err, geminiapi.ErrInvalid):
		return unavailablef("Gemini refuses to show the job: %s.", refused.Message)
	case errors.Is(err, geminiapi.ErrMalformedAnswer):
		return unavailablef(notUnderstood)
	}
	return fmt.Errorf("%w: %w", errGeminiUnavailable, err)
}
