package faulttest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// minApart is the least time between two messages of one webhook-id. A claim stops publishing
// MaxClockSkew before its lease ends; all processes here have the same clock, so half of that is
// enough for the way to the topic.
const minApart = ledger.MaxClockSkew / 2

// A Tally is the sum of a record.
type Tally struct {
	Delivered    int // genuine deliveries that were sent
	Repeated     int // of those, of a webhook-id that was sent before
	Acknowledged int // of those delivered
	Requests     int // that were answered: retries and forgeries included

	WebhookIDs int // genuine ones
	OnTopic    int // of those, with a message
	Messages   int

	Lost           int // webhook-ids that are acknowledged and not on the topic: against G1
	PublishedAgain int // messages of what was on record as published before: against G2
	TooClose       int // messages so soon after another that both were being published at the same time: against G3
	UnmarkedCopies int // messages that are not the first of their webhook-id and have no mark: against G4
	MarkedCopies   int // messages that are not the first and have the mark, as G4 allows
	Altered        int // messages that are not the bytes as sent

	Forged        int // webhook-ids that were sent with a bad signature
	Refused       int // of those, answered 401 and nothing better
	ForgedOnTopic int // messages of events that were not signed

	P50, P99 time.Duration // of the acknowledged requests
}

// Tally adds up the record.
func (a *Record) Tally() *Tally {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &Tally{
		Delivered:    a.deliveries.sent,
		Repeated:     a.deliveries.repeated,
		Acknowledged: a.deliveries.acknowledged,
		Requests:     a.deliveries.requests,
	}
	for _, e := range a.entries {
		if e.forged {
			t.addForged(e)
		} else {
			t.add(e)
		}
	}
	slices.Sort(a.times)
	if n := len(a.times); n > 0 {
		t.P50, t.P99 = a.times[n/2], a.times[n*99/100]
	}
	return t
}

func (t *Tally) addForged(e *entry) {
	t.ForgedOnTopic += len(e.messages)
	if !e.sent {
		return
	}
	t.Forged++
	if e.refused && !e.acknowledged {
		t.Refused++
	}
}

func (t *Tally) add(e *entry) {
	t.WebhookIDs++
	t.Messages += len(e.messages)
	switch {
	case len(e.messages) > 0:
		t.OnTopic++
	case e.acknowledged:
		t.Lost++
	}
	slices.SortFunc(e.messages, func(a, b message) int { return cmp.Compare(a.number, b.number) })
	for i, m := range e.messages {
		if e.body != [sha256.Size]byte{} && m.body != e.body {
			t.Altered++
		}
		if !e.duplicate.IsZero() && m.published.After(e.duplicate) {
			t.PublishedAgain++
		}
		if i == 0 {
			continue
		}
		if m.marked {
			t.MarkedCopies++
		} else {
			t.UnmarkedCopies++
		}
		if m.published.Sub(e.messages[i-1].published) < minApart {
			t.TooClose++
		}
	}
}

// Err names every promise that the tally breaks, nil if there is none.
func (t *Tally) Err() error {
	var broken []string
	wrong := func(count int, what string) {
		if count != 0 {
			broken = append(broken, fmt.Sprintf("%d %s", count, what))
		}
	}
	wrong(t.Delivered-t.Acknowledged, "never acknowledged")
	wrong(t.Lost, "lost (G1)")
	wrong(t.PublishedAgain, "published again after being on record (G2)")
	wrong(t.TooClose, "published by two at the same time (G3)")
	wrong(t.UnmarkedCopies, "unmarked copies (G4)")
	wrong(t.Altered, "altered")
	wrong(t.Forged-t.Refused, "forgeries not refused")
	wrong(t.ForgedOnTopic, "forged messages on the topic")
	if broken == nil {
		return nil
	}
	return fmt.Errorf("broken promises: %s", strings.Join(broken, ", "))
}
