package backend

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
)

// scope covers all that the clients do. IAM limits what they may do.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// tokenTimeout bounds the request for the first access token, for which other users of the identity
// wait.
const tokenTimeout = 2 * time.Second

// identify finds out as whom the function calls Google Cloud. All clients share this identity, so
// that an instance asks for one access token, as soon as it starts. On Lambda a token takes two
// requests to another cloud; each client by itself would make them when the first delivery comes.
func (b *Backend) identify(context.Context) (*auth.Credentials, error) {
	identity, err := b.credentials(&credentials.DetectOptions{
		Scopes:           []string{scope},
		UseSelfSignedJWT: true, // if they are a key, as the clients do by default
	})
	if err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), tokenTimeout)
		defer cancel()
		_, _ = identity.Token(ctx) // it is kept; whoever needs it tries again and sees the error
	}()
	return identity, nil
}

func (b *Backend) credentials(options *credentials.DetectOptions) (*auth.Credentials, error) {
	if external := b.configuration.GoogleCredentials.Reveal(); external != "" {
		return credentials.NewCredentialsFromJSON(credentials.ExternalAccount, []byte(external), options)
	}
	return credentials.DetectDefault(options)
}
