package app

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
)

// scope covers all that the clients do; what they may do is for IAM to say.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// tokenTimeout bounds the first access token's request, behind which other users of the identity wait.
const tokenTimeout = 2 * time.Second

// identify finds out who the app is to Google Cloud. The identity is for all clients, so that an instance asks for one
// access token instead of one for each, and asks at once: on Lambda a token takes two requests to another cloud, and each
// client would make them when the first delivery comes to it.
func (o *opener) identify(context.Context) (*auth.Credentials, error) {
	identity, err := o.credentials(&credentials.DetectOptions{
		Scopes:           []string{scope},
		UseSelfSignedJWT: true, // where they are a key, as the clients by themselves would have it
	})
	if err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), tokenTimeout)
		defer cancel()
		_, _ = identity.Token(ctx) // it is kept; whoever needs it sees the error of another try
	}()
	return identity, nil
}

func (o *opener) credentials(options *credentials.DetectOptions) (*auth.Credentials, error) {
	if external := o.configuration.GoogleCredentials.Reveal(); external != "" {
		return credentials.NewCredentialsFromJSON(credentials.ExternalAccount, []byte(external), options)
	}
	return credentials.DetectDefault(options)
}
