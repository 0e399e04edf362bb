// Command serve runs the Cloud Functions entrypoint under the Functions Framework on $PORT (default 8080), as Cloud
// Functions would.
package main

import (
	"cmp"
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "github.com/gemhook/gemhook/functions/receive/cloudfunction"
)

func main() {
	if err := os.Setenv("FUNCTION_TARGET", "receive"); err != nil {
		log.Fatal(err)
	}
	if err := funcframework.Start(cmp.Or(os.Getenv("PORT"), "8080")); err != nil {
		log.Fatal(err)
	}
}
