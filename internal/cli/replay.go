package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/cli/replay"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
	"github.com/gemhook/gemhook/shared/topic"
)

// A replayRun is one run of "replay".
type replayRun struct {
	*session // for the settings, the clients and the clock
	filterFlags
	deadLetters bool
	apply       bool
	topicID     string
	limit       int
	more        int // wanted, and beyond the limit
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
	Stay      int            `json:"stay,omitempty"` // in the dead-letter subscription, for they are not wanted
	Events    []*replay.Item `json:"events"`
}

func replayCommand(s *session) *cobra.Command {
	r := &replayRun{session: s}
	command := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Publish events again, from the ledger or the dead letters",
		Long: `Publishes events again, oldest first: those named by webhook-id or key, or those that the filters
want. It shows what it would publish, and does it with --apply.

Each message is marked ce-redelivered: true. It goes to the topic the event was published to, or to
--topic. Events that were never published are settled in the ledger, so that Gemini's next retry is a
duplicate; but a copy to another topic settles nothing. One that an instance is working on is left alone. Dead letters of the ledger are only
replayed if --state dead_lettered or their ID says so.

With --dead-letters they come from the dead-letter subscription, where Pub/Sub puts what a subscriber
could not handle, and leave it when they are published. What the receiver found to be no event stays
there, unless --type gemhook.dead_letter or its ID says so. Looking counts as one delivery of the
subscription, and messages are back in it after its backoff.`,
		Example: "  gemhook replay --type batch.succeeded --since 2h\n" +
			"  gemhook replay --type batch.succeeded --since 2h --apply\n" +
			"  gemhook replay --dead-letters --tenant acme --apply",
		RunE: func(command *cobra.Command, args []string) error { return r.run(command.Context(), args) },
	}
	r.filterFlags.add(command)
	flags := command.Flags()
	flags.BoolVar(&r.deadLetters, "dead-letters", false, "take them from the dead-letter subscription")
	flags.BoolVar(&r.apply, "apply", false, "publish; without it, only show what would be")
	flags.StringVar(&r.topicID, "topic", "", "id of the topic to publish to")
	flags.IntVar(&r.limit, "limit", 1000, "how many events at most, the oldest; 0 is all")
	return command
}

func (r *replayRun) run(ctx context.Context, ids []string) error {
	if len(ids) == 0 && !r.deadLetters && r.filterFlags.empty() {
		return failure.Usagef("name events, or say which: --type, --tenant, --static, --state, --since, --until")
	}
	if r.limit < 0 {
		return failure.Usagef("--limit is a number from 0")
	}
	if r.deadLetters && (r.state != "" || r.static) {
		return failure.Usagef("--state and --static are for the ledger, not for --dead-letters")
	}
	filter, err := r.filterFlags.filter(r.Now())
	if err != nil {
		return err
	}
	var items []*replay.Item
	stay := 0
	if r.deadLetters {
		letters, err := r.pull(ctx)
		if letters != nil {
			defer r.giveBack(ctx, letters)
		}
		if err != nil {
			return err
		}
		to := r.topicID
		if to == "" {
			if to, err = r.settings.Get(deployment.Topic); err != nil {
				return err
			}
		}
		items = replay.FromDeadLetters(letters, replay.Selection{
			WebhookIDs: ids, Type: filter.Type, Tenant: r.tenant, Since: filter.Since, Until: filter.Until,
		}, to)
		stay = len(letters.Messages) - len(items)
	} else if items, err = r.plan(ctx, ids, filter); err != nil {
		return err
	}
	if r.apply && len(items) > 0 {
		err = r.publish(ctx, items)
	}
	if printErr := r.print(items, stay); printErr != nil {
		return printErr
	}
	if err != nil {
		return failure.Advise(err, r.goOn(items, len(ids) > 0))
	}
	return nil
}

// plan finds what is wanted in the ledger, oldest first.
func (r *replayRun) plan(ctx context.Context, ids []string, filter deliveries.Filter) ([]*replay.Item, error) {
	defer r.console.Working("reading the ledger")()
	reader, err := r.clients.Deliveries(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.clients.Call(ctx)
	defer cancel()
	var items []*replay.Item
	for _, id := range ids {
		delivery, err := reader.Get(ctx, deliveries.KeyOf(id, r.tenant))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		items = append(items, replay.FromLedger(delivery, r.topicID))
	}
	if len(ids) > 0 {
		return items, nil
	}
	for delivery, err := range reader.List(ctx, filter) {
		if err != nil {
			return nil, err
		}
		if delivery.State == ledger.DeadLettered && filter.State == "" {
			continue
		}
		items = append(items, replay.FromLedger(delivery, r.topicID))
	}
	slices.Reverse(items)
	if r.limit > 0 && len(items) > r.limit {
		r.more = len(items) - r.limit
		items = items[:r.limit]
	}
	return items, nil
}

func (r *replayRun) pull(ctx context.Context) (*messages.DeadLetters, error) {
	defer r.console.Working("pulling dead letters")()
	subscription, err := r.settings.Get(deployment.DeadLetterSubscription)
	if err != nil {
		return nil, err
	}
	client, err := r.clients.PubSub(ctx)
	if err != nil {
		return nil, err
	}
	if err := (&tail{client: client, call: r.clients.Call, tailFlags: tailFlags{subscription: subscription}}).check(ctx); err != nil {
		return nil, err
	}
	return messages.PullDeadLetters(ctx, client, subscription, r.limit, r.Patience)
}

func (r *replayRun) giveBack(ctx context.Context, letters *messages.DeadLetters) {
	ctx, cancel := r.clients.Call(context.WithoutCancel(ctx))
	defer cancel()
	if err := letters.Release(ctx); err != nil {
		r.console.Note("gemhook: %v; they come back by themselves within ten minutes", err)
	}
}

func (r *replayRun) publish(ctx context.Context, items []*replay.Item) error {
	project, err := r.settings.Get(deployment.Project)
	if err != nil {
		return err
	}
	publisher, err := topic.New(context.WithoutCancel(ctx), project)
	if err != nil {
		return err
	}
	defer publisher.Close()
	progress := r.console.Progress("publishing", len(items))
	defer progress.Stop()
	deps := replay.Deps{Publisher: publisher, Timeout: r.CallTimeout, Clock: &replay.Clock{Local: r.Now}, Done: func() { progress.Add(1) }}
	if !r.deadLetters {
		if deps.Reader, err = r.clients.Deliveries(ctx); err != nil {
			return err
		}
		if deps.Ledger, err = protocol(ctx, r.session, deps.Clock.Now); err != nil {
			return err
		}
	}
	return replay.Run(ctx, deps, items)
}

// protocol returns the ledger as the receiver has it, but for the clock.
func protocol(ctx context.Context, s *session, now func() time.Time) (*ledger.Ledger, error) {
	lease, err := s.settings.Duration(deployment.Lease)
	if err != nil {
		return nil, err
	}
	retention, err := s.settings.Duration(deployment.Retention)
	if err != nil {
		return nil, err
	}
	client, err := s.clients.Firestore(ctx)
	if err != nil {
		return nil, err
	}
	store := firestoreledger.New(client, s.settings.Optional(deployment.Collection))
	return ledger.New(store, ledger.Options{Lease: lease, Retention: retention, Now: now}), nil
}

// shown is how many events people are shown.
const shown = 20

func (r *replayRun) print(items []*replay.Item, stay int) error {
	result := &replayed{DryRun: !r.apply, Matched: len(items), More: r.more, Stay: stay, Events: items}
	if items == nil {
		result.Events = []*replay.Item{}
	}
	for _, item := range items {
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

func (r *replayRun) text(result *replayed) string {
	stay := ""
	if result.More > 0 {
		stay = fmt.Sprintf("%d newer ones are beyond --limit %d\n", result.More, r.limit)
	}
	if result.Stay > 0 {
		stay += fmt.Sprintf("%d other dead letters stay where they are\n", result.Stay)
	}
	if result.Matched == 0 {
		return "nothing to publish\n" + stay
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
		return text + fmt.Sprintf("\n%d would be published; nothing was. Do it with --apply\n%s", result.Matched, stay)
	}
	return text + fmt.Sprintf("\n%d published, %d skipped, %d failed, %d not begun\n%s", result.Published, result.Skipped, result.Failed, result.Left, stay)
}

// goOn says how to go on after a failure or an interrupt.
func (r *replayRun) goOn(items []*replay.Item, named bool) string {
	for _, item := range items {
		if item.Outcome != replay.Planned && item.Outcome != replay.Failed {
			continue
		}
		if r.deadLetters || named {
			return "run it again: what is published is marked, so once more does no harm"
		}
		return "go on from there with --since " + item.ReceivedAt.UTC().Format(time.RFC3339Nano)
	}
	return ""
}
