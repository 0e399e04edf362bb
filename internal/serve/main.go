// Command serve runs the Cloud Functions entrypoint under the Functions Framework, as Cloud Functions would. It listens on $PORT
// (8080 if that is not set) of $HOST, which is this machine alone (127.0.0.1) if that is not set.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "github.com/gemhook/gemhook/functions/receive/cloudfunction"
)

func main() {
	if err := os.Setenv("FUNCTION_TARGET", "receive"); err != nil {
		log.Fatal(err)
	}
	host, port := cmp.Or(os.Getenv("HOST"), "127.0.0.1"), cmp.Or(os.Getenv("PORT"), "8080")
	go announce(host, port)
	if err := funcframework.StartHostPort(host, port); err != nil {
		log.Fatal(err)
	}
}

// announce says on standard error when the receiver takes connections. The framework has nothing to ask.
func announce(host, port string) {
	dialled := host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		dialled = "localhost"
	}
	for {
		connection, err := net.DialTimeout("tcp", net.JoinHostPort(dialled, port), time.Second)
		if err == nil {
			_ = connection.Close()
			fmt.Fprintf(os.Stderr, "serving on http://%s/\n", net.JoinHostPort(host, port))
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
