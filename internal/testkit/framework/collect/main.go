// Command collect serves the Cloud Function collect under the Functions Framework.
package main

import (
	_ "github.com/gemhook/gemhook/functions/collect/cloudfunction"
	"github.com/gemhook/gemhook/internal/testkit/framework"
)

func main() { framework.Serve("collect") }
