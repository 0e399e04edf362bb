// Command hellofunction is the smallest function for the Functions Framework. gemhook's start is
// compared with its start.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

func init() {
	functions.HTTP("hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello, world") })
}

func main() {
	if err := os.Setenv("FUNCTION_TARGET", "hello"); err != nil {
		log.Fatal(err)
	}
	if err := funcframework.Start(cmp.Or(os.Getenv("PORT"), "8080")); err != nil {
		log.Fatal(err)
	}
}
