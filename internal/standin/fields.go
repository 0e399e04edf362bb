package standin

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// fields are the fields of a webhook that a caller can set; nil means not given.
type fields struct {
	Name             *string   `json:"name"`
	URI              *string   `json:"uri"`
	SubscribedEvents *[]string `json:"subscribed_events"`
	State            *string   `json:"state"`
}

// masked returns the fields that mask names, the empty value where one is not given, as Google's
// APIs read an update mask (AIP-134).
func (f fields) masked(mask []string) (fields, error) {
	var masked fields
	for _, name := range mask {
		switch name {
		case "name":
			masked.Name = valueOrEmpty(f.Name)
		case "uri":
			masked.URI = valueOrEmpty(f.URI)
		case "subscribed_events", "subscribedEvents":
			masked.SubscribedEvents = valueOrEmpty(f.SubscribedEvents)
		case "state":
			masked.State = valueOrEmpty(f.State)
		default:
			return fields{}, invalid("The update_mask names %q, which is no field that can be changed.", name)
		}
	}
	return masked, nil
}

func valueOrEmpty[T any](value *T) *T {
	if value == nil {
		return new(T)
	}
	return value
}

// change sets the fields that are given. After an error w must not be used.
func (w *webhook) change(f fields) error {
	if f.Name != nil {
		w.name = *f.Name
	}
	if f.URI != nil {
		if !isEndpoint(*f.URI) {
			return invalid("The uri is not an https URL.")
		}
		w.uri = *f.URI
	}
	if f.SubscribedEvents != nil {
		if len(*f.SubscribedEvents) == 0 {
			return invalid("The field subscribed_events has no event.")
		}
		for _, event := range *f.SubscribedEvents {
			if !slices.Contains(SubscribableTypes(), event) {
				return invalid("The value %q in subscribed_events is none of: %s.", event, strings.Join(SubscribableTypes(), ", "))
			}
		}
		w.events = slices.Clone(*f.SubscribedEvents)
	}
	if f.State != nil {
		state := strings.ToLower(*f.State)
		if !slices.Contains([]string{StateEnabled, StateDisabled, StateDisabledDueToFailedDeliveries}, state) {
			return invalid("The value %q of state is none of: %s, %s, %s.", *f.State,
				StateEnabled, StateDisabled, StateDisabledDueToFailedDeliveries)
		}
		w.state = state
	}
	return nil
}

// isEndpoint reports whether Gemini would deliver to a URL, or whether the URL is on this machine,
// where a test has no certificate.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

func invalid(format string, args ...any) error {
	return &apiError{code: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}
