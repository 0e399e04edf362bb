package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/listen"
	"github.com/gemhook/gemhook/internal/listen/screen"
	"github.com/gemhook/gemhook/internal/standin"
)

const listenHelp = `Brings each event of a topic to a URL on this machine, until it is interrupted or --count is reached.

An event is handled when the local handler has answered it with a 2xx. Otherwise it is tried again,
first after a second, then after longer pauses of up to 15 seconds, or as Retry-After asks. A message
that is marked as what may be a copy is handed over as such.

On a terminal it shows the events on a screen, each with its latest answer: Enter shows one whole, with
every attempt, and r sends it again. Elsewhere, and with --lines, --count or --output json, it prints a
line for each attempt, which says what was answered and, of a further attempt, why there is one.

The handler gets an event as a CloudEvent (--as cloudevent: attributes are headers, the body is the
event), as Pub/Sub pushes it (--as pubsub), or as Gemini delivers it (--as gemini), signed with a local
secret, which is made at the first time and stays the same; its file is printed.

It follows the topic by a subscription of its own, which disturbs nobody and is deleted at the end.
With --since it first brings what the ledger has since then, without a gap or a double between that
and what is published meanwhile.`

type listenFlags struct {
	as, host, folder, since string
	filter                  messages.Filter
	parallel, count         int
	timeout                 time.Duration
	insecure, inspect       bool
	lines                   bool
}

func listenCommand(s *session) *cobra.Command {
	var given listenFlags
	command := &cobra.Command{
		Use:   "listen URL",
		Short: "Bring the events to a handler on this machine",
		Long:  listenHelp,
		Example: "  gemhook listen localhost:3000/hook\n" +
			"  gemhook listen --terraform-dir terraform/gcp --since 2h --type batch.succeeded 3000\n" +
			"  gemhook listen --as gemini --insecure https://localhost:8443/webhooks",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			l, err := s.listening(command.Context(), args[0], &given)
			if err != nil {
				return err
			}
			return l.run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&given.as, "as", string(handler.CloudEvent), "the form of the requests: "+strings.Join(handler.Forms(), ", "))
	flags.StringVar(&given.since, "since", "", "first bring what was received then or later: a time, or how long ago, such as 90m or 1d; it needs listing")
	flags.StringVar(&given.filter.Type, "type", "", "only events of this type, such as batch.succeeded")
	flags.StringVar(&given.filter.Tenant, "tenant", "", "only events of this tenant")
	flags.BoolVar(&given.filter.Results, "results", false, "results that were collected, in place of events")
	flags.IntVar(&given.parallel, "parallel", 4, "how many requests at the same time, 1 to 100")
	flags.DurationVar(&given.timeout, "timeout", handler.DefaultTimeout, "how long the handler may take to answer")
	flags.IntVar(&given.count, "count", 0, "end after so many events are handled; 0 goes on")
	flags.BoolVar(&given.lines, "lines", false, "print a line for each attempt on a terminal, too")
	flags.StringVar(&given.host, "host", "", "host to name to the handler, and to expect in its certificate, where it is not the URL's")
	flags.BoolVar(&given.insecure, "insecure", false, "take any certificate; only on this machine")
	flags.StringVar(&given.folder, "dir", settingsFolder, "folder of the local secret; unless it is given, that of a gemhook dev in a folder above")
	flags.BoolVar(&given.inspect, "inspect", false, "serve a page that shows each event with its attempts")
	flags.String("topic", "", "id of the topic ($GEMHOOK_TOPIC)")
	flags.String("results-topic", "", "id of the results topic ($GEMHOOK_RESULTS_TOPIC)")
	complete(command, "as", handler.Forms()...)
	complete(command, "type", standin.EventTypes()...)
	_ = command.MarkFlagDirname("dir")
	return command
}

// A listening is one run of "listen".
type listening struct {
	console *console.Console
	options listen.Options
	target  *handler.Handler
	secret  string       // file of the local secret, if it is in use
	log     *inspect.Log // nil: no page is served
	count   int
	screen  bool // show a screen in place of lines
}

// listening checks the flags and opens what they need.
func (s *session) listening(ctx context.Context, url string, given *listenFlags) (*listening, error) {
	l := &listening{console: s.console, count: given.count, screen: s.hasScreen(given)}
	if given.parallel < 1 || given.parallel > 100 || given.count < 0 || given.timeout <= 0 {
		return nil, failure.Usagef("--parallel is a number from 1 to 100, --count one from 1, --timeout a time such as 30s")
	}
	to := handler.Options{
		URL: url, Form: handler.Form(given.as), Host: given.host, Insecure: given.insecure, Timeout: given.timeout, Now: s.Now,
	}
	if to.Form == handler.Gemini {
		if given.filter.Results {
			return nil, failure.Usagef("--as gemini and --results cannot both be given: Gemini delivers no results")
		}
		folder := s.localFolder(given.folder)
		var err error
		if to.Secret, err = handler.LoadSecret(folder, s.Rand); err != nil {
			return nil, err
		}
		l.secret = filepath.Join(folder, handler.SecretFile)
	}
	var err error
	if l.target, err = handler.New(to); err != nil {
		return nil, err
	}
	topic := deployment.Topic
	if given.filter.Results {
		topic = deployment.ResultsTopic
	}
	l.options = listen.Options{
		Open: s.clients.OpenPubSub, Filter: given.filter, Deliver: l.target.Deliver, Parallel: given.parallel,
		Call: s.clients.Call, Now: s.Now,
	}
	if l.options.Topic, err = s.settings.Get(topic); err != nil {
		return nil, err
	}
	if given.inspect {
		l.log = inspect.NewLog(nil)
	}
	if l.options.Since, err = moment("since", given.since, s.Now()); err != nil || given.since == "" {
		return l, err
	}
	l.options.Ledger, err = s.clients.Deliveries(ctx)
	return l, err
}

// localFolder is where the local secret is: in the folder that is named, and where none is, in that
// of the settings that are in use.
func (s *session) localFolder(named string) string {
	if named != settingsFolder {
		return named
	}
	if s.envFile != "" {
		return filepath.Dir(s.envFile)
	}
	if found := s.findSettingsFile(); found != "" {
		return filepath.Dir(found)
	}
	return filepath.Join(s.Folder, named)
}

func (l *listening) run(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	page, wait, err := l.serve(running)
	if err != nil {
		return err
	}
	var shown *screen.Screen
	l.options.Note = func(line string) {
		if !shown.Note(line) {
			l.console.Note("gemhook: %s", line)
		}
	}
	lines := &listenLines{console: l.console, now: l.options.Now}
	handled := map[*listen.Event]bool{}
	l.options.Attempted = func(a *listen.Attempt) error {
		l.record(a)
		if !shown.Attempted(a) {
			if err := lines.print(a); err != nil {
				return err
			}
		}
		if handler.Accepted(&a.Attempt) && a.Number > 0 {
			if handled[a.Event] = true; len(handled) == l.count {
				stop()
			}
		}
		return nil
	}
	l.options.Following = func() {
		if shown == nil && !l.console.JSON() {
			l.console.Note("%s", strings.Join(l.introduction(page), "\n"))
		}
	}
	listener := listen.New(l.options)
	if l.screen {
		shown = l.show(running, stop, listener, page)
	}
	defer func() { stop(); _ = shown.Wait() }() // also if this panics: the terminal is given back
	summary, err := listener.Run(running)
	stop()
	err = errors.Join(l.advised(err), shown.Wait(), wait())
	l.summarize(&summary)
	return err
}

// introduction says what goes where.
func (l *listening) introduction(page string) []string {
	lines := []string{fmt.Sprintf("topic %s → %s …", l.options.Topic, l.target.URL())}
	if l.secret != "" {
		lines = append(lines, "signed with the secret in "+l.secret)
	}
	if page != "" {
		lines = append(lines, "inspector: "+page)
	}
	return lines
}

// maxNamed is how many events that were not handled are named.
const maxNamed = 5

// summarize says what was not handled, and how to have it again.
func (l *listening) summarize(summary *listen.Summary) {
	left := summary.Unhandled
	if len(left) == 0 {
		return
	}
	var ids []string
	first := left[0].PublishTime
	for i, event := range left {
		if i < maxNamed {
			ids = append(ids, console.OneLine(event.Attributes["ce-id"]))
		}
		if event.PublishTime.Before(first) {
			first = event.PublishTime
		}
	}
	if len(left) > maxNamed {
		ids = append(ids, "…")
	}
	// A delivery is received a little before it is published.
	l.console.Note("gemhook: not handled: %d (%s)\n→ bring them again with --since %s",
		len(left), strings.Join(ids, ", "), first.Add(-time.Minute).UTC().Format(time.RFC3339))
}

// advised adds advice to an error of the listener.
func (l *listening) advised(err error) error {
	if errors.Is(err, deliveries.ErrNotListed) {
		return failure.Advise(fmt.Errorf("--since brings what the ledger lists: %w", err),
			deliveries.ListingAdvice+"\nwithout --since, listen brings what is published from now on")
	}
	return err
}
