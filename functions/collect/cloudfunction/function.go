// Package cloudfunction is the collector as a Cloud Function: entry point "collect".
//
// The Functions Framework serves what is registered here when FUNCTION_TARGET=collect.
// Configuration comes from the environment; see docs/reference/configuration.md.
package cloudfunction

import (
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/collect"
)

// concurrency is how many collections an instance takes at once. Terraform sets the same: each may
// hold tens of megabytes.
const concurrency = 4

func init() {
	functions.HTTP("collect", app.ExitOnSIGTERM(collect.FromEnvironment(concurrency)).ServeHTTP)
}
