// Command lambda is the collector as a Lambda function, behind a function URL.
//
// Configuration comes from the environment, GEMHOOK_GOOGLE_CREDENTIALS included; see
// docs/reference/configuration.md.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/gemhook/gemhook/shared/app/collect"
	"github.com/gemhook/gemhook/shared/lambdahttp"
)

func main() {
	lambda.Start(lambdahttp.Wrap(collect.FromEnvironment(1)))
}
