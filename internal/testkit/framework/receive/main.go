// Command receive serves the Cloud Function receive under the Functions Framework.
package main

import (
	_ "github.com/gemhook/gemhook/functions/receive/cloudfunction"
	"github.com/gemhook/gemhook/internal/testkit/framework"
)

func main() { framework.Serve("receive") }
