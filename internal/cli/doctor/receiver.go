package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/shared/checks"
)

// receiver checks that gemhook answers at the URL.
func (e *examination) receiver(ctx context.Context) (string, error) {
	ctx, cancel := e.call(ctx)
	defer cancel()
	version, err := checks.Receiver(ctx, e.HTTP, e.url)
	switch {
	case err == nil:
		return "gemhook " + version + " at " + e.url, nil
	case errors.Is(err, checks.ErrUnreachable):
		return "", failure.Advise(err, "check the name and whether the function is deployed; behind a load balancer, DNS record and certificate")
	case errors.Is(err, checks.ErrNotPublic):
		return "", failure.Advise(err, "let everyone invoke it (allUsers, roles/run.invoker): Gemini brings no Google identity")
	case errors.Is(err, checks.ErrNotGemhook):
		return "", failure.Advise(err, "check the URL: it must be the receiver's own, as terraform output static_url prints it")
	}
	return "", err
}

// rereading is how long a receiver may go on with old secrets although a signature does not match.
const rereading = 12 * time.Second

// receiverSecrets checks that the receiver accepts the newest secret that is stored, and has a
// ledger to look into.
func (e *examination) receiverSecrets(ctx context.Context) (string, error) {
	client, err := e.Clients.Firestore(ctx)
	if err != nil {
		return "", err
	}
	laying, cancel := e.call(ctx)
	defer cancel()
	laid, err := probe.Lay(laying, probe.NewFirestore(client, e.Settings.Optional(deployment.Collection)), probe.Options{
		URL: e.url + "/", Client: e.HTTP, Now: e.Now, Rand: e.Rand,
	})
	if err != nil {
		return "", err
	}
	defer func() {
		removing, cancel := e.call(context.WithoutCancel(ctx))
		defer cancel()
		_ = laid.Remove(removing) // else the ledger's retention does
	}()
	deadline := e.Now().Add(rereading)
	for {
		accepted, err := laid.Accepts(ctx, e.stored[0])
		if err != nil {
			return "", err
		}
		if accepted {
			return "it accepts what is stored", nil
		}
		if e.Now().After(deadline) {
			return "", fail("the receiver must read the same place: compare its GEMHOOK_SIGNING_SECRETS with "+deployment.SigningSecrets.Variable()+" here",
				"it refuses deliveries signed with what is stored in %s", e.secretStore())
		}
		if err := e.Wait(ctx, time.Second); err != nil {
			return "", err
		}
	}
}
