package interleavings

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gemhook/gemhook/shared/ledger"
)

// checkAnswer checks an acknowledgement, once it is there: G1.
func (w *execution) checkAnswer(d *delivery) {
	if d.checked || d.status() != http.StatusOK {
		return
	}
	d.checked = true
	var answer struct {
		MessageID string `json:"message_id"`
	}
	if err := json.Unmarshal(d.answer.Body.Bytes(), &answer); err != nil {
		panic(err)
	}
	if !slices.ContainsFunc(w.topic, func(m message) bool { return m.id == answer.MessageID }) {
		w.violate(G1, fmt.Sprintf("%s is acknowledged with message %q, which is on no topic", d.name, answer.MessageID))
	}
}

// checkPublish checks a message as it comes on a topic: G2 and G4.
func (w *execution) checkPublish(by *delivery, marked bool) {
	if document := w.document(); document != nil && (document.State == ledger.Published || document.State == ledger.DeadLettered) {
		w.violate(G2, fmt.Sprintf("%s publishes what is %s", by.name, document.State))
	}
	if !marked && len(w.topic) > 0 {
		w.violate(G4, fmt.Sprintf("%s publishes message %d without the mark", by.name, len(w.topic)+1))
	}
	for _, earlier := range w.topic {
		if !earlier.by.troubled {
			w.violate(G4Reason, fmt.Sprintf("%s publishes what %s has published, and nothing has happened to that", by.name, earlier.by.name))
		}
	}
}

// checkSimultaneous checks who has a publish under way: G3.
func (w *execution) checkSimultaneous() {
	var publishing []string
	for _, d := range w.deliveries {
		if d.call != nil && d.call.publish {
			publishing = append(publishing, d.name)
		}
	}
	for _, c := range w.late {
		if c.publish {
			publishing = append(publishing, c.delivery.name)
		}
	}
	if len(publishing) > 1 {
		w.violate(G3, strings.Join(publishing, " and ")+" are publishing")
	}
}

func (w *execution) violate(g Guarantee, detail string) {
	steps := make([]string, len(w.path))
	for i, taken := range w.path {
		steps[i] = taken.String()
	}
	w.violations = append(w.violations, &Violation{g, detail, steps})
}
