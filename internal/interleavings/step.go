package interleavings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// A step is one thing that can happen next.
type step struct {
	label
	fault bool
	do    func()
}

// A label says what a step is. It is put together only where a violation is reported.
type label struct{ delivery, call, what string }

func (l label) String() string {
	if l.call == "" {
		return strings.TrimSpace(l.delivery + " " + l.what)
	}
	return l.delivery + "'s " + l.call + " " + l.what
}

// maxFailedSettles bounds how often the settle of one claim fails before its deadline. Another
// failure would change nothing but the time; it can still hang until the deadline.
const maxFailedSettles = 1

// steps are all that can happen next, always in the same order.
func (w *execution) steps() []step {
	// A call whose time is over comes back before anything else happens.
	for _, d := range w.deliveries {
		if d.call != nil && d.call.ended() {
			return w.givingUp(d)
		}
	}
	for i, c := range w.late {
		if c.publish && !time.Now().Before(w.latest(c)) {
			return w.landing(i)
		}
	}
	var steps []step
	for i, d := range w.deliveries {
		switch {
		case d.begun.IsZero():
			if i == 0 || d.kind != w.deliveries[i-1].kind || !w.deliveries[i-1].begun.IsZero() {
				steps = append(steps, step{label: label{d.name, "", "begins"}, do: d.start})
			}
		case d.call != nil:
			steps = append(steps, w.going(d)...)
		}
	}
	for i := range w.late {
		steps = append(steps, w.landing(i)...)
	}
	if until, any := w.nextInstant(); any {
		steps = append(steps, step{label: label{what: "time passes"}, do: func() { w.pass(until) }})
	}
	return slices.DeleteFunc(steps, func(s step) bool { return s.fault && w.faults >= w.Faults })
}

// going are the steps of a call whose time is not over.
func (w *execution) going(d *delivery) []step {
	c := d.call
	of := func(what string) label { return label{d.name, c.name, what} }
	if c.acted {
		return []step{
			{label: of("is answered"), do: func() { d.resume(answered) }},
			{label: of("loses its answer"), fault: true, do: func() { w.fail(d) }},
			{label: of("is the last before the process ends"), fault: true, do: func() { d.resume(crashed) }},
		}
	}
	steps := []step{{label: of("takes effect"), do: func() { w.act(c) }}}
	if c.name == "settle" && d.failed >= maxFailedSettles {
		return steps
	}
	steps = append(steps, step{label: of("fails"), fault: true, do: func() { w.fail(d) }})
	if c.writes {
		steps = append(steps, w.giveUp(d))
	}
	if c.publish {
		steps = append(steps, step{label: of("is refused"), fault: true, do: func() { d.resume(refused) }})
	}
	return steps
}

// givingUp are the steps of a call whose time is over.
func (w *execution) givingUp(d *delivery) []step {
	steps := []step{{label: label{d.name, d.call.name, "runs out of time"}, do: func() { w.fail(d) }}}
	if d.call.writes && !d.call.acted && w.faults < w.Faults {
		steps = append(steps, w.giveUp(d))
	}
	return steps
}

// giveUp has a call fail whose effect is still to come.
func (w *execution) giveUp(d *delivery) step {
	return step{label: label{d.name, d.call.name, "is given up while it is under way"}, fault: true, do: func() {
		w.late = append(w.late, d.call)
		w.fail(d)
	}}
}

// landing are the steps of a call that was given up.
func (w *execution) landing(i int) []step {
	c := w.late[i]
	gone := func() { w.late = slices.Delete(w.late, i, i+1) }
	return []step{
		{label: label{c.delivery.name, c.name, "takes effect, though it was given up"}, do: func() { gone(); w.act(c) }},
		{label: label{c.delivery.name, c.name, "was given up and is lost"}, do: gone},
	}
}

// latest is when a publish that was given up has either taken effect or never will: Pub/Sub is told
// the deadline as the time that is left, and counts it from when the bytes arrive.
func (w *execution) latest(c *call) time.Time { return c.deadline.Add(w.Transit) }

func (w *execution) act(c *call) {
	c.acted = true
	c.result = c.effect()
	if c.writes {
		w.read = false
	}
}

func (w *execution) fail(d *delivery) {
	if d.call.name == "settle" {
		d.failed++
	}
	d.resume(noAnswer)
}

// nextInstant is when something ends next, as far as that can be seen from outside, where the
// receiver's pauses are not seen. There is none when no delivery is left for which time matters.
func (w *execution) nextInstant() (until time.Time, any bool) {
	waiting, pausing := false, false
	add := func(at time.Time) {
		if at.After(time.Now()) && (!any || at.Before(until)) {
			until, any = at, true
		}
	}
	for _, d := range w.deliveries {
		switch {
		case d.begun.IsZero():
			waiting = true
		case d.call != nil:
			waiting = true
			add(d.call.deadline)
		case !d.gone:
			pausing = true
		}
	}
	for _, c := range w.late {
		if c.publish {
			add(w.latest(c))
		}
	}
	if document := w.document(); waiting && document != nil && document.State == ledger.Claimed {
		add(document.LeaseExpiresAt)
		add(document.LeaseExpiresAt.Add(-w.Skew))
	}
	if pausing && !any {
		until, any = time.Now().Add(time.Hour), true
	}
	return until, any
}

// pass lets time pass until that instant, or until a delivery is at rest again before.
func (w *execution) pass(until time.Time) {
	for _, d := range w.deliveries {
		if d.call != nil {
			d.troubled = true // so slow that something else may have ended
		}
	}
	select {
	case <-w.rested:
	default:
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	w.mu.Unlock()
	select {
	case <-timer.C:
	case <-w.rested:
	}
	w.mu.Lock()
	w.await()
}

// since writes an instant relative to now.
func since(at time.Time) string { return fmt.Sprint(time.Until(at)) }
