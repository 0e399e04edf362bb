// Command reconcile serves the Cloud Function reconcile under the Functions Framework.
package main

import (
	_ "github.com/gemhook/gemhook/functions/reconcile/cloudfunction"
	"github.com/gemhook/gemhook/internal/testkit/framework"
)

func main() { framework.Serve("reconcile") }
