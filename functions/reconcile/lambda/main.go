// Command lambda is the reconciler as a Lambda function. EventBridge Scheduler invokes it directly,
// with whatever event; it has no URL and checks no token.
//
// Configuration comes from the environment, GEMHOOK_GOOGLE_CREDENTIALS included; see
// docs/reference/configuration.md.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/gemhook/gemhook/shared/app/reconcile"
)

func main() {
	lambda.Start(reconcile.Direct().Invoke)
}
