// Package cloudfunction is the reconciler as a Cloud Function: entry point "reconcile".
//
// The Functions Framework serves what is registered here when FUNCTION_TARGET=reconcile. Cloud
// Scheduler calls it with a token. Configuration comes from the environment; see
// docs/reference/configuration.md.
package cloudfunction

import (
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/reconcile"
)

func init() {
	functions.HTTP("reconcile", app.ExitOnSIGTERM(reconcile.FromEnvironment()).ServeHTTP)
}
