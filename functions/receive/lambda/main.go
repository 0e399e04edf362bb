// Command lambda is the receiver as a Lambda function, behind a function URL or an API Gateway HTTP
// API.
//
// Configuration comes from the environment, GEMHOOK_GOOGLE_CREDENTIALS included; see
// docs/reference/configuration.md.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/lambdahttp"
)

func main() {
	lambda.Start(lambdahttp.Wrap(receive.FromEnvironment(1)))
}
