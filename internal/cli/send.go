package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// What can be forged about a delivery.
const (
	forgeSecret    = "secret"
	forgeBody      = "body"
	forgeTimestamp = "timestamp"
	forgeToken     = "token"
)

var (
	schemes   = []string{standin.SchemeV1, standin.SchemeV1a, standin.SchemeJWT}
	forgeries = []string{forgeSecret, forgeBody, forgeTimestamp, forgeToken}
)

// A sending is one run of "send".
type sending struct {
	console  *console.Console
	settings *deployment.Settings
	client   *http.Client
	now      func() time.Time
	rand     io.Reader

	secretText func(context.Context, deployment.Setting) (string, error) // reads the secret that a setting names
	dynamicURL func(ctx context.Context, tenant string) (string, error)
	readFile   func(name string) ([]byte, error) // that a flag names
	sendingFlags
}

type sendingFlags struct {
	scheme, eventType, bodyFile, tenant, id, forge, keysFile string
	repeat                                                   int
	offset                                                   time.Duration
}

// sent is what came of one delivery.
type sent struct {
	WebhookID    string `json:"webhook_id"`
	StatusCode   int    `json:"status_code"`
	Status       string `json:"status,omitempty"`
	Error        string `json:"error,omitempty"`
	Message      string `json:"message,omitempty"`
	MessageID    string `json:"message_id,omitempty"`
	Milliseconds int64  `json:"duration_ms"`
	acknowledged bool
}

func sendCommand(s *session) *cobra.Command {
	var v sendingFlags
	send := &cobra.Command{
		Use:   "send",
		Short: "Sign a delivery as Gemini would, and post it to the receiver",
		Long: `Signs a delivery and posts it to the receiver. It is as good as a genuine one: subscribers get it.

A static webhook's delivery (v1) is signed with the signing secrets that the receiver has. Those of
dynamic webhooks (v1a, jwt) only Google can sign, for a receiver that trusts Google's key set; one that
trusts another (GEMHOOK_JWKS_URL) takes what is signed with the private keys of --keys: a JSON object
with "ed25519" and "rsa", arrays of private keys as JWK, and "secrets".

--forge makes it one that must be refused, and the exit code 0 if it is: signed with a secret or key that
the receiver does not have, with a body or timestamp changed after signing, or with another tenant's
token in the URL.`,
		Example: "  gemhook send --type batch.failed\n" +
			"  gemhook send --repeat 3                 # one published, two duplicates\n" +
			"  gemhook send --forge=body               # 401\n" +
			"  gemhook send --scheme v1a --tenant acme --keys keys.json",
		Args: noArgsOfForge,
		RunE: func(command *cobra.Command, _ []string) error {
			if !command.Flags().Changed("scheme") && v.tenant != "" {
				v.scheme = standin.SchemeV1a
			}
			sending := &sending{
				console: s.console, settings: s.settings, client: s.HTTPClient, now: s.Now, rand: s.Rand,
				secretText: s.clients.SecretText, readFile: s.readFile, sendingFlags: v,
				dynamicURL: func(ctx context.Context, tenant string) (string, error) { return dynamicURL(ctx, s, tenant) },
			}
			return sending.run(command.Context())
		},
	}
	flags := send.Flags()
	flags.StringVar(&v.scheme, "scheme", standin.SchemeV1, "how to sign: v1, v1a or jwt; v1a with --tenant")
	flags.StringVar(&v.eventType, "type", "batch.succeeded", "type of the event")
	flags.StringVar(&v.bodyFile, "body", "", "file with the body to send in place of a sample event; - is standard input")
	flags.StringVar(&v.tenant, "tenant", "", "tenant whose dynamic URL to post to")
	flags.StringVar(&v.id, "id", "", "webhook-id (default: a new one, beginning with "+deliveries.OwnPrefix+")")
	flags.IntVar(&v.repeat, "repeat", 1, "how often to post it, each time the same")
	flags.StringVar(&v.forge, "forge", "", "what to forge: secret, body, timestamp or token")
	flags.DurationVar(&v.offset, "clock-offset", 0, "how far the sender's clock is ahead, such as -6m")
	flags.StringVar(&v.keysFile, "keys", "", "file with private keys to sign with")
	flags.String("url", "", "the receiver's static URL ($GEMHOOK_URL)")
	flags.Lookup("forge").NoOptDefVal = forgeSecret
	complete(send, "scheme", schemes...)
	complete(send, "forge", forgeries...)
	complete(send, "type", standin.EventTypes()...)
	_ = send.MarkFlagFilename("body")
	_ = send.MarkFlagFilename("keys", "json")
	return send
}

// noArgsOfForge refuses arguments. One can be meant for --forge, which takes a value behind "="
// alone.
func noArgsOfForge(command *cobra.Command, args []string) error {
	err := cobra.NoArgs(command, args)
	if len(args) > 0 && command.Flags().Changed("forge") && slices.Contains(forgeries, args[0]) {
		return failure.Advise(err, "did you mean: --forge="+args[0])
	}
	return err
}

func (v *sending) run(ctx context.Context) error {
	if err := v.check(); err != nil {
		return err
	}
	url, err := v.target(ctx)
	if err != nil {
		return err
	}
	delivery, err := v.delivery()
	if err != nil {
		return err
	}
	keys, err := v.keys(ctx)
	if err != nil {
		return err
	}
	if delivery, err = v.sign(keys, delivery); err != nil {
		return err
	}
	results, err := v.post(ctx, url, delivery)
	if printErr := v.console.Print(results, func() string { return v.text(results) }); printErr != nil {
		return printErr
	}
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		return failure.Advise(err, "check the receiver's URL, and whether it is up")
	}
	refused := func(r *sent) bool { return !r.acknowledged }
	if slices.ContainsFunc(results, refused) != (v.forge != "") {
		return failure.ErrShown
	}
	return nil
}

func (v *sending) check() error {
	switch {
	case !slices.Contains(schemes, v.scheme):
		return failure.Usagef("--scheme is v1, v1a or jwt")
	case v.forge != "" && !slices.Contains(forgeries, v.forge):
		return failure.Usagef("--forge is secret, body, timestamp or token")
	case v.forge == forgeToken && v.tenant == "":
		return failure.Usagef("--forge token goes with --tenant")
	case v.forge == forgeBody && v.scheme == standin.SchemeJWT, v.forge == forgeTimestamp && v.scheme == standin.SchemeJWT:
		return failure.Usagef("a token signs neither body nor webhook-timestamp: --forge secret")
	case strings.ContainsFunc(v.id, unicode.IsControl):
		return failure.Usagef("--id is the value of a header: no control character can be in it")
	case v.repeat < 1:
		return failure.Usagef("--repeat is a number from 1")
	case v.scheme != standin.SchemeV1 && v.keysFile == "":
		return failure.Advise(failure.Usagef("only Google can sign %s for a receiver that trusts Google's key set", v.scheme),
			"for one that trusts another, give the private keys: --keys FILE")
	}
	return nil
}

// target is the URL to post to. It can hold a token, and is not shown.
func (v *sending) target(ctx context.Context) (string, error) {
	if v.tenant == "" {
		receiver, err := v.settings.Receiver()
		return receiver + "/", err
	}
	url, err := v.dynamicURL(ctx, v.tenant)
	if err != nil {
		return "", err
	}
	if v.forge == forgeToken {
		before, token, _ := strings.Cut(url, tenant.PathPrefix+v.tenant+"/")
		url = before + tenant.PathPrefix + v.tenant + "/" + strings.Repeat("A", len(token))
	}
	return url, nil
}

func (v *sending) delivery() (standin.Delivery, error) {
	now := v.now().Add(v.offset)
	random, err := standin.NewID(v.rand)
	if err != nil {
		return standin.Delivery{}, err
	}
	d := standin.Delivery{
		ID: deliveries.OwnPrefix + random, Time: now,
		Body: standin.EventAt(v.eventType, "sample_"+random[len(random)-12:], now.Truncate(time.Second)),
	}
	if v.id != "" {
		d.ID = v.id
	}
	if v.bodyFile != "" {
		if d.Body, err = v.readFile(v.bodyFile); err != nil {
			return d, fmt.Errorf("read the body: %w", err)
		}
	}
	return d, nil
}

// keys are what to sign with: those of a file, or the signing secrets that the receiver has.
func (v *sending) keys(ctx context.Context) (*standin.Keys, error) {
	if v.forge == forgeSecret {
		return standin.NewKeys(v.rand)
	}
	if v.keysFile != "" {
		text, err := v.readFile(v.keysFile)
		if err != nil {
			return nil, failure.WithCode(fmt.Errorf("read the keys: %w", err), failure.Settings)
		}
		keys, err := standin.ParseKeys(text)
		if err != nil {
			return nil, failure.WithCode(fmt.Errorf("%s: %w", v.keysFile, err), failure.Settings)
		}
		return keys, nil
	}
	defer v.console.Working("reading the signing secrets")()
	text, err := v.secretText(ctx, deployment.SigningSecrets)
	if err != nil {
		return nil, err
	}
	secrets := rotation.Secrets(text)
	if len(secrets) == 0 {
		_, malformed := webhook.ParseSecrets(text)
		none := failure.WithCode(errors.Join(errors.New("there is no signing secret in what is stored"), malformed), failure.Settings)
		return nil, failure.Advise(none, "have Gemini make one: gemhook webhooks create; if a webhook is registered: gemhook webhooks rotate")
	}
	return &standin.Keys{Secrets: secrets}, nil
}

func (v *sending) sign(keys *standin.Keys, d standin.Delivery) (standin.Delivery, error) {
	var err error
	switch v.scheme {
	case standin.SchemeV1:
		d, err = keys.SignV1(d)
	case standin.SchemeV1a:
		d, err = keys.SignV1a(d, 0)
	case standin.SchemeJWT:
		audience, missing := v.settings.Get(deployment.JWTAudience)
		if missing != nil {
			return d, missing
		}
		d, err = keys.SignJWT(d, 0, audience, d.Time, d.Time.Add(5*time.Minute))
	}
	if err != nil {
		return d, failure.WithCode(err, failure.Settings)
	}
	switch v.forge {
	case forgeBody:
		d.Body = append(d.Body, ' ')
	case forgeTimestamp:
		d.Header.Set(standin.HeaderTimestamp, fmt.Sprint(d.Time.Unix()+1))
	}
	return d, nil
}

// post posts the delivery as often as is wanted, and returns the answers there were.
func (v *sending) post(ctx context.Context, url string, d standin.Delivery) ([]*sent, error) {
	progress := v.console.Progress("posting", v.repeat)
	defer progress.Stop()
	results := []*sent{}
	for range v.repeat {
		begin := time.Now()
		answer, err := standin.Send(ctx, v.client, url, d)
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		if err != nil {
			return results, err
		}
		results = append(results, &sent{
			WebhookID: d.ID, StatusCode: answer.StatusCode, Status: answer.Status, Error: answer.Error, Message: answer.Message,
			MessageID: answer.MessageID, Milliseconds: time.Since(begin).Milliseconds(), acknowledged: answer.Acknowledged(),
		})
		progress.Add(1)
	}
	return results, nil
}

func (v *sending) text(results []*sent) string {
	var rows [][]console.Cell
	for _, r := range results {
		colour, said := console.Green, r.Status
		if !r.acknowledged {
			colour, said = console.Red, strings.TrimSpace(r.Error+" "+r.Message)
		}
		rows = append(rows, []console.Cell{
			{Text: r.WebhookID}, {Text: fmt.Sprint(r.StatusCode), Colour: colour}, {Text: fmt.Sprintf("%d ms", r.Milliseconds)},
			{Text: r.MessageID}, {Text: said, Colour: colour},
		})
	}
	if len(rows) == 0 {
		return ""
	}
	text := v.console.Table([]string{"WEBHOOK-ID", "ANSWER", "TOOK", "MESSAGE", "OUTCOME"}, rows)
	if v.forge != "" && slices.ContainsFunc(results, func(r *sent) bool { return r.acknowledged }) {
		text += v.console.Paint(console.Red, "the receiver acknowledged a forged delivery") + "\n"
	}
	return text
}
