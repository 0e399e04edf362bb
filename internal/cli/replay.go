package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/replay"
	"github.com/gemhook/gemhook/shared/topic"
)

// A replaying is one run of "replay".
type replaying struct {
	console *console.Console
	source  replaySource
	project string
	now     func() time.Time
	timeout time.Duration // of each step with one event
	apply   bool
	limit   int
}

// A replaySource is where the events come from.
type replaySource interface {
	// plan finds the events that are wanted, at most limit of them; 0 is all.
	plan(ctx context.Context, limit int) (planned, error)
	// prepare adds what is needed to publish them.
	prepare(ctx context.Context, deps *replay.Deps) error
	// resume says how to go on after items of which some are not done.
	resume(items []*replay.Item) string
	// close releases what was read and not published.
	close(ctx context.Context)
}

// planned is what a source has found.
type planned struct {
	items []*replay.Item // oldest first
	more  int            // wanted, and beyond the limit
	stay  int            // looked at, and not wanted
}

// replayed is what "replay" prints.
type replayed struct {
	DryRun    bool           `json:"dry_run"`
	Matched   int            `json:"matched"`
	Published int            `json:"published"`
	Skipped   int            `json:"skipped"`
	Failed    int            `json:"failed"`
	Left      int            `json:"left"`           // not begun
	More      int            `json:"more,omitempty"` // wanted, and beyond the limit
	Stay      int            `json:"stay,omitempty"` // in the dead-letter subscription, as they are not wanted
	Events    []*replay.Item `json:"events"`
}

func replayCommand(s *session) *cobra.Command {
	var filters filterFlags
	var deadLetters, apply bool
	var topicID string
	var limit int
	command := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Publish events again, from the ledger or the dead letters",
		Long: `Publishes events again, oldest first: those named by webhook-id or key, or those that the filters
want. It shows what it would publish, and does it with --apply.

Each message is marked ce-redelivered: true. It goes to the topic the event was published to, or to
--topic. Events that were never published are settled in the ledger, so that Gemini's next retry is a
duplicate; but a copy to another topic settles nothing. One that an instance is working on is left alone.
Dead letters of the ledger are only replayed if --state dead_lettered or their ID says so, and results
that were collected if --results does.

With --dead-letters they come from the dead-letter subscription, where Pub/Sub puts what a subscriber
could not handle, and leave it when they are published. What the receiver found to be no event stays
there, unless --type gemhook.dead_letter or its ID says so. Looking counts as one delivery of the
subscription, and messages are back in it after its backoff.`,
		Example: "  gemhook replay --type batch.succeeded --since 2h\n" +
			"  gemhook replay --type batch.succeeded --since 2h --apply\n" +
			"  gemhook replay --dead-letters --tenant acme --apply",
		RunE: func(command *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && !deadLetters && filters.empty():
				return failure.Usagef("name events, or say which: --type, --tenant, --static, --state, --results, --since, --until")
			case limit < 0:
				return failure.Usagef("--limit is a number from 0")
			case deadLetters && (filters.state != "" || filters.static || filters.results):
				return failure.Usagef("--state, --static and --results are for the ledger, not for --dead-letters")
			}
			filter, err := filters.filter(s.Now())
			if err != nil {
				return err
			}
			project, err := s.settings.CloudProject()
			if err != nil {
				return err
			}
			r := &replaying{
				console: s.console, project: project, now: s.Now, timeout: s.CallTimeout, apply: apply, limit: limit,
			}
			if deadLetters {
				r.source, err = newLetterSource(command.Context(), s, filter, args, topicID)
			} else {
				r.source, err = newLedgerSource(command.Context(), s, filter, args, topicID)
			}
			if err != nil {
				return err
			}
			return r.run(command.Context())
		},
	}
	filters.add(command)
	flags := command.Flags()
	flags.BoolVar(&deadLetters, "dead-letters", false, "take them from the dead-letter subscription")
	flags.BoolVar(&apply, "apply", false, "publish; without it, only show what would be")
	flags.StringVar(&topicID, "topic", "", "id of the topic to publish to")
	flags.IntVar(&limit, "limit", 1000, "how many events at most, the oldest; 0 is all")
	return command
}

func (r *replaying) run(ctx context.Context) error {
	defer r.source.close(ctx)
	plan, err := r.source.plan(ctx, r.limit)
	if err != nil {
		return err
	}
	if r.apply && len(plan.items) > 0 {
		err = r.publish(ctx, plan.items)
	}
	if printErr := r.print(plan); printErr != nil {
		return printErr
	}
	if err != nil {
		return failure.Advise(err, r.source.resume(plan.items))
	}
	return nil
}

func (r *replaying) publish(ctx context.Context, items []*replay.Item) error {
	publisher, err := topic.New(context.WithoutCancel(ctx), r.project)
	if err != nil {
		return err
	}
	defer publisher.Close()
	progress := r.console.Progress("publishing", len(items))
	defer progress.Stop()
	deps := replay.Deps{Publisher: publisher, Timeout: r.timeout, Clock: &replay.Clock{Local: r.now}, Done: func() { progress.Add(1) }}
	if err := r.source.prepare(ctx, &deps); err != nil {
		return err
	}
	return replay.Run(ctx, deps, items)
}

// shown is how many events are printed for people.
const shown = 20

func (r *replaying) print(plan planned) error {
	result := &replayed{DryRun: !r.apply, Matched: len(plan.items), More: plan.more, Stay: plan.stay, Events: plan.items}
	if plan.items == nil {
		result.Events = []*replay.Item{}
	}
	for _, item := range plan.items {
		switch item.Outcome {
		case replay.Published:
			result.Published++
		case replay.Skipped:
			result.Skipped++
		case replay.Failed:
			result.Failed++
		default:
			result.Left++
		}
	}
	return r.console.Print(result, func() string { return r.text(result) })
}

func (r *replaying) text(result *replayed) string {
	rest := ""
	if result.More > 0 {
		rest = fmt.Sprintf("%s beyond --limit %d\n", console.Count(result.More, "newer one is", "newer ones are"), r.limit)
	}
	if result.Stay > 0 {
		rest += console.Count(result.Stay, "other dead letter stays where it is", "other dead letters stay where they are") + "\n"
	}
	if result.Matched == 0 {
		return "nothing to publish\n" + rest
	}
	var rows [][]console.Cell
	for _, item := range result.Events[:min(len(result.Events), shown)] {
		outcome := console.Cell{Text: string(item.Outcome)}
		switch item.Outcome {
		case replay.Published:
			outcome = console.Cell{Text: "message " + item.MessageID, Colour: console.Green}
		case replay.Failed, replay.Skipped:
			outcome = console.Cell{Text: string(item.Outcome) + ": " + item.Error, Colour: console.Yellow}
		}
		rows = append(rows, []console.Cell{
			{Text: stamp(item.ReceivedAt), Colour: console.Dim}, {Text: item.Type}, {Text: item.Tenant}, {Text: item.WebhookID},
			{Text: item.Topic}, outcome,
		})
	}
	text := r.console.Table([]string{"RECEIVED", "TYPE", "TENANT", "WEBHOOK-ID", "TO", "OUTCOME"}, rows)
	if more := len(result.Events) - shown; more > 0 {
		text += fmt.Sprintf("… and %d more\n", more)
	}
	if result.DryRun {
		return text + fmt.Sprintf("\n%d would be published; nothing was. Do it with --apply\n%s", result.Matched, rest)
	}
	return text + fmt.Sprintf("\n%d published, %d skipped, %d failed, %d not begun\n%s", result.Published, result.Skipped, result.Failed, result.Left, rest)
}

// protocol returns the receiver's lease and retention.
func protocol(settings *deployment.Settings) (lease, retention time.Duration, err error) {
	if lease, err = settings.Duration(deployment.Lease); err != nil {
		return 0, 0, err
	}
	retention, err = settings.Duration(deployment.Retention)
	return lease, retention, err
}
