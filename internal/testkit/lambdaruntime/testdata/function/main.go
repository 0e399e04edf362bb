// Function is a Lambda function that does what its event says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type refusal struct{}

func (refusal) Error() string { return "no such luck" }

// brokenStream gives a part of a response and then an error.
func brokenStream() io.Reader {
	return io.MultiReader(strings.NewReader("a part"), brokenReader{})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broke off") }

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	switch string(event) {
	case `"fail"`:
		return nil, refusal{}
	case `"panic"`:
		panic("at the disco")
	case `"stream"`:
		return brokenStream(), nil
	case `"announce"`:
		fmt.Println("handling")
		select {}
	case `"block"`:
		select {}
	}
	call, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"event":    event,
		"id":       call.AwsRequestID,
		"arn":      call.InvokedFunctionArn,
		"deadline": deadline.Format(time.RFC3339Nano),
	}, nil
}

func main() {
	lambda.Start(handle)
}
