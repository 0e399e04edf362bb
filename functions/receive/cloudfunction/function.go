// Package cloudfunction is the receiver as a Cloud Function: entry point "receive".
//
// The Functions Framework serves what is registered here when FUNCTION_TARGET=receive.
// Configuration comes from the environment; see docs/reference/configuration.md.
package cloudfunction

import (
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/receive"
)

// concurrency is how many requests an instance of Cloud Run takes at once unless it is configured
// otherwise.
const concurrency = 80

func init() {
	functions.HTTP("receive", app.ExitOnSIGTERM(receive.FromEnvironment(concurrency)).ServeHTTP)
}
