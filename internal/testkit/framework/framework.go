// Package framework serves a Cloud Function of this repository under the Functions Framework, as
// Cloud Functions does. Each folder below it is the program of one function.
package framework

import (
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

// Serve serves the function that is registered under a name, on $PORT of this machine only. It does
// not return.
func Serve(function string) {
	if err := os.Setenv("FUNCTION_TARGET", function); err != nil {
		log.Fatal(err)
	}
	log.Fatal(funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")))
}
