package doctor

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/tenant"
)

// examined is the tenant whose URL is tried where common keys make one.
const examined = "gemhook-doctor"

// wrongToken has the form of a token, and no key made it.
var wrongToken = strings.Repeat("A", 43)

// anyPath returns the path of a tenant's endpoint: of examined, or of the first tenant that has
// keys of its own.
func anyPath(keys tenant.Keys, text string) (string, error) {
	at, err := keys.Path(examined)
	for _, word := range strings.Fields(text) {
		if err == nil {
			break
		}
		if entry, malformed := tenant.ParseEntry(word); malformed == nil && entry.Tenant != "" {
			at, err = keys.Path(entry.Tenant)
		}
	}
	return at, err
}

// dynamicURLs checks that the receiver accepts the URLs that are made here, and has Gemini's key
// set. It posts a delivery with an invalid signature: a receiver that refuses the signature has
// accepted the token and has the keys to verify with.
func (e *examination) dynamicURLs(ctx context.Context) (string, error) {
	if e.dynamicPath == "" {
		return e.dynamicElsewhere(ctx)
	}
	deadline := e.Now().Add(rereading)
	for {
		answer, err := e.postJunk(ctx, e.dynamicPath)
		if err != nil {
			return "", err
		}
		switch {
		case answer.StatusCode == http.StatusUnauthorized && answer.Error == "bad_signature":
			return "the receiver accepts those made here, and has the key set", nil
		case answer.StatusCode == http.StatusNotFound && answer.Error == "not_found":
			return "", fail("set the receiver's "+deployment.DynamicKeys.Variable()+" to the place that is named here, and deploy it",
				"the receiver has no dynamic keys: it takes no dynamic deliveries")
		case answer.Error == "keys_unavailable":
			return "", e.dynamicKeysUnavailable(ctx)
		case answer.Error != "unknown_token":
			return "", &probe.UnexpectedError{StatusCode: answer.StatusCode, Code: answer.Error, Message: answer.Message}
		case e.Now().After(deadline):
			return "", fail("the receiver must read the same place: compare its "+deployment.DynamicKeys.Variable()+" with that here;\n"+
				"URLs that were made with the receiver's keys go on working",
				"the receiver refuses URLs that are made with the dynamic keys known here: it has others")
		}
		if err := e.Wait(ctx, time.Second); err != nil {
			return "", err
		}
	}
}

// dynamicKeysUnavailable returns which keys the receiver lacks. It looks at the token first, so a
// wrong one is refused as soon as it has the dynamic keys.
func (e *examination) dynamicKeysUnavailable(ctx context.Context) error {
	answer, err := e.postJunk(ctx, path.Join(path.Dir(e.dynamicPath), wrongToken))
	switch {
	case err != nil:
		return err
	case answer.Error == "unknown_token":
		return fail("see that the receiver reaches the key set ("+deployment.JWKSURL.Variable()+", Google's unless it is set): its way to the internet,\n"+
			"a VPC connector, a firewall; and look at its log",
			"the receiver cannot get the key set that dynamic deliveries are verified with")
	}
	return fail("give the receiver's account roles/secretmanager.secretAccessor on the dynamic keys, and look at its log",
		"the receiver cannot read its dynamic keys")
}

// dynamicElsewhere looks whether the receiver takes dynamic deliveries although no dynamic key is
// known here.
func (e *examination) dynamicElsewhere(ctx context.Context) (string, error) {
	answer, err := e.postJunk(ctx, tenant.PathPrefix+examined+"/"+wrongToken)
	if err != nil {
		return "", err
	}
	if answer.Error == "unknown_token" || answer.Error == "keys_unavailable" {
		return "the receiver takes dynamic deliveries, and no dynamic key is known here",
			failure.Advise(errNothingToCheck, "set "+deployment.DynamicKeys.Variable()+" here as the receiver has it, or name Terraform's folder: --terraform-dir")
	}
	return "the receiver takes no dynamic deliveries, and no dynamic key is known here", errNothingToCheck
}

// postJunk posts a delivery with an invalid signature. Neither the answer nor the error contains
// the URL.
func (e *examination) postJunk(ctx context.Context, at string) (*standin.Answer, error) {
	ctx, cancel := e.call(ctx)
	defer cancel()
	id, err := standin.NewID(e.Rand)
	if err != nil {
		return nil, err
	}
	now := e.Now()
	delivery := standin.Delivery{Header: http.Header{}, Body: standin.EventAt(probe.Type, "probe", now)}
	delivery.Header.Set(standin.HeaderID, deliveries.OwnPrefix+id)
	delivery.Header.Set(standin.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	delivery.Header.Set(standin.HeaderSignature, standin.SchemeV1a+","+base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)))
	return standin.Send(ctx, e.HTTP, e.url+at, delivery)
}
