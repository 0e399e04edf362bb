package failure

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/clients"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/listen"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// A kind is one sort of error.
type kind struct {
	is     func(error) bool
	code   int                // 0: that of a later kind
	advice func(error) string // nil: that of a later kind
}

// ReceiversLog is where to look for a delivery when the ledger does not show it.
const ReceiversLog = "the receiver's log, whose lines have webhook_id and tenant"

const (
	logIn        = "log in: gcloud auth application-default login; on a server, give it a service account"
	grant        = "have the role granted, or run this as an account that has it: gcloud auth application-default login"
	checkNetwork = "check the network; if an emulator is meant, check that it runs where the environment says"
)

// kinds are looked through in order; the first that matches and has a code or advice gives it.
var kinds = []kind{
	{IsUsage, Usage, always("see gemhook --help")},
	{as[*deployment.MissingError], Settings, func(err error) string {
		var missing *deployment.MissingError
		errors.As(err, &missing)
		return missing.Advice()
	}},
	{flagIsBad, Usage, nil},
	{as[*deployment.BadError], Settings, func(err error) string {
		var bad *deployment.BadError
		errors.As(err, &bad)
		return "correct " + bad.From
	}},
	{is(deployment.ErrOneEmulator), Settings, always("set both to use the emulators, or unset both to use Google Cloud")},
	{is(deployment.ErrEmulatorAway), Unavailable, always("start the emulators, or unset " + deployment.FirestoreEmulator + " and " +
		deployment.PubSubEmulator + " to use Google Cloud")},
	{is(deployment.ErrBadEmulator), Settings, always("write it without http://")},
	{is(deployment.ErrNoAPIKey), Settings, always("put it into the environment without showing it: read -rs GEMINI_API_KEY && export GEMINI_API_KEY\n" +
		"or name a file that holds it: --api-key-file")},
	{is(deployment.ErrBadAPIKey), Settings, always("give the key alone, without quotes: it has letters, digits, -, _ and .")},

	{is(secretstore.ErrNotStorable), Settings, always("name there a secret of Secret Manager (projects/P/secrets/S) or a file (file:PATH)")},
	{is(secretstore.ErrNotPermitted), Permission, always("have the permission granted (on a secret of Secret Manager: roles/secretmanager.secretAccessor and\n" +
		"roles/secretmanager.secretVersionManager), or run this as somebody who has it")},
	{is(secretstore.ErrUnsafeFile), Permission, always("make it a plain file of the user who runs this, or name another place")},
	{is(secretstore.ErrChanged), Failed, always("somebody else is at work on the same secret: find out who, then run this again")},
	{is(deliveries.ErrNotListed), Settings, always(deliveries.ListingAdvice +
		"\nwithout listing: gemhook deliveries get ID, gemhook replay ID; IDs are in " + ReceiversLog)},
	{is(deliveries.ErrNotFound), NotFound, always("find it: gemhook deliveries list; where the ledger cannot be listed, in " + ReceiversLog +
		".\nA dynamic webhook's delivery needs --tenant")},

	{is(handler.ErrBadOptions), Usage, nil},
	{is(listen.ErrGone), NotFound, always("somebody has deleted it, or nothing has read from it for a day; start again, and bring what came meanwhile with --since")},

	{is(rotation.ErrNotStored), 0, always("nothing is refused: the previous secret stays valid for 24 hours. Find out why the new one could not be stored,\n" +
		"then run gemhook webhooks rotate again, which asks for another")},
	{is(rotation.ErrChanged), 0, always("nothing is refused: the previous secret stays valid for 24 hours. When nobody else is rotating, run this again")},
	{is(rotation.ErrRefused), 0, always("find out why: gemhook doctor. Then run this again; it continues where it was")},
	{is(rotation.ErrTooEarly), 0, always("run it then; or, after a leak, now, with --early")},
	{is(rotation.ErrUnknownSecret), 0, always("nothing has been dropped. Have Gemini make a new secret: gemhook webhooks rotate")},
	{is(rotation.ErrUnproven), 0, always("nothing has been dropped. Find out why no delivery comes through: gemhook doctor. Then run this again")},

	{is(probe.ErrOtherLedger), 0, always("compare the receiver's GEMHOOK_DATABASE, GEMHOOK_COLLECTION and GOOGLE_CLOUD_PROJECT with those here")},
	{as[*probe.UnexpectedError], 0, unexpectedAnswer},

	{is(geminiapi.ErrPermission), Permission, always("check the API key: it must be one of the project that the webhook belongs to")},
	{is(geminiapi.ErrNotFound), NotFound, nil},
	{is(geminiapi.ErrRateLimited), Unavailable, always("wait a while, then run this again")},
	{is(geminiapi.ErrUnavailable), Unavailable, nil},

	{is(clients.ErrCredentials), Permission, always(logIn + ";\nif GOOGLE_APPLICATION_CREDENTIALS is set, it must name a file with credentials")},
	{code(codes.Unauthenticated), Permission, always(logIn)},
	{code(codes.PermissionDenied), Permission, always(grant)},
	{code(codes.NotFound), NotFound, nil},
	{code(codes.Unavailable, codes.DeadlineExceeded), Unavailable, always(checkNetwork)},
	{is(context.DeadlineExceeded), Unavailable, always("check the network, and that the service is up")},
	{ofNetwork, Unavailable, always("check the network and the URL")},
	{is(fs.ErrNotExist), NotFound, nil},
	{is(fs.ErrPermission), Permission, always("run this as a user who may read the file, or give yourself access to it")},
}

func always(advice string) func(error) string { return func(error) string { return advice } }

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

func code(wanted ...codes.Code) func(error) bool {
	return func(err error) bool {
		for _, code := range wanted {
			if status.Code(err) == code {
				return true
			}
		}
		return false
	}
}

// flagIsBad reports whether a setting with a wrong value was given by a flag.
func flagIsBad(err error) bool {
	var bad *deployment.BadError
	return errors.As(err, &bad) && strings.HasPrefix(bad.From, "--")
}

// ofNetwork reports whether there was no connection, or it was lost. (An error of the file system
// is a net.Error as well.)
func ofNetwork(err error) bool { return as[*url.Error](err) || as[*net.OpError](err) }

// unexpectedAnswer advises on an answer of the receiver's to a probe, by its error code.
func unexpectedAnswer(err error) string {
	var answer *probe.UnexpectedError
	errors.As(err, &answer)
	return map[string]string{
		"keys_unavailable":   "give the receiver's account roles/secretmanager.secretAccessor on the signing secrets and the dynamic keys, and look at its log",
		"not_found":          "the receiver takes no deliveries there: set its GEMHOOK_SIGNING_SECRETS, or for dynamic URLs GEMHOOK_DYNAMIC_KEYS",
		"ledger_unavailable": "give the receiver's account roles/datastore.user, check its GEMHOOK_DATABASE, and look at its log",
		"topic_unavailable":  "give the receiver's account roles/pubsub.publisher on the topic, and look at its log",
		"stale_timestamp":    "set the clock of this machine, or the receiver's",
		"body_too_large":     "raise the receiver's GEMHOOK_MAX_BODY",
		"":                   "check that the URL is the receiver's own, and that nothing in front of it answers in its place",
	}[answer.Code]
}
