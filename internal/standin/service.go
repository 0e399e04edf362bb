package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxRequest is how much of a request to the WebhookService is read, in bytes.
const maxRequest = 1 << 20

// handleWebhooks adds the calls of the WebhookService to the mux.
func (s *Server) handleWebhooks() {
	// The reference has v1beta, the guide's curl commands v1.
	for _, version := range []string{"/v1beta", "/v1"} {
		collection := version + "/webhooks"
		for pattern, call := range map[string]func(*http.Request) (any, error){
			"POST " + collection:             s.serveCreate,
			"GET " + collection:              s.serveList,
			"GET " + collection + "/{id}":    s.serveGet,
			"PATCH " + collection + "/{id}":  s.serveUpdate,
			"DELETE " + collection + "/{id}": s.serveDelete,
			"POST " + collection + "/{id}":   s.serveVerb,
			// The guide's curl command for a rotation has another path than the reference and the
			// SDKs.
			"POST " + collection + "/{id}/rotate_secret": func(r *http.Request) (any, error) {
				return s.serveRotate(r, r.PathValue("id"))
			},
		} {
			s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serveCall(w, r, call) })
		}
	}
}

// serveCall answers a call with the JSON of what it returns.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request, call func(*http.Request) (any, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	answer, err := any(nil), s.admit(r)
	if err == nil {
		answer, err = call(r)
	}
	if err != nil {
		var told *apiError
		if !errors.As(err, &told) {
			told = &apiError{code: http.StatusInternalServerError, message: "Internal error."}
		}
		writeError(w, told)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	json.NewEncoder(w).Encode(answer)
}

// admit refuses a request without one of the API keys, and any while the service is made to fail.
func (s *Server) admit(r *http.Request) error {
	s.mu.Lock()
	status := s.apiStatus
	s.mu.Unlock()
	if status != 0 {
		return &apiError{code: status, message: "The WebhookService is made to fail."}
	}
	if len(s.opts.APIKeys) == 0 {
		return nil
	}
	switch key := r.Header.Get("x-goog-api-key"); {
	case key == "":
		return &apiError{code: http.StatusForbidden, message: "There is no API key in the header x-goog-api-key."}
	case !slices.Contains(s.opts.APIKeys, key):
		// To Google an unknown key is an invalid argument.
		return &apiError{code: http.StatusBadRequest, message: "The API key is not valid.", reason: "API_KEY_INVALID"}
	}
	return nil
}

// A resource is a webhook as the API shows it.
type resource struct {
	ID               string           `json:"id"`
	Name             string           `json:"name,omitempty"`
	URI              string           `json:"uri"`
	SubscribedEvents []string         `json:"subscribed_events"`
	State            string           `json:"state"`
	SigningSecrets   []resourceSecret `json:"signing_secrets,omitempty"`
	CreateTime       time.Time        `json:"create_time"`
	UpdateTime       time.Time        `json:"update_time"`
	NewSigningSecret string           `json:"new_signing_secret,omitempty"`
}

type resourceSecret struct {
	TruncatedSecret string    `json:"truncated_secret"`
	ExpireTime      time.Time `json:"expire_time,omitzero"`
}

func (w *webhook) resource(now time.Time) resource {
	r := resource{
		ID: w.id, Name: w.name, URI: w.uri, SubscribedEvents: w.events, State: w.state,
		CreateTime: w.created.UTC(), UpdateTime: w.updated.UTC(),
	}
	for _, secret := range w.secrets {
		if secret.validAt(now) {
			r.SigningSecrets = append(r.SigningSecrets, resourceSecret{secret.truncated(), secret.expires.UTC()})
		}
	}
	return r
}

func (s *Server) serveCreate(r *http.Request) (any, error) {
	f, err := readFields(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, secret, err := s.create(f)
	if err != nil {
		return nil, err
	}
	created := w.resource(s.opts.Now())
	created.NewSigningSecret = secret
	return created, nil
}

func (s *Server) serveList(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	page, next, err := s.page(r.FormValue("page_size"), r.FormValue("page_token"))
	if err != nil {
		return nil, err
	}
	var list struct {
		Webhooks      []resource `json:"webhooks,omitempty"`
		NextPageToken string     `json:"next_page_token,omitempty"`
	}
	for _, w := range page {
		list.Webhooks = append(list.Webhooks, w.resource(s.opts.Now()))
	}
	list.NextPageToken = next
	return list, nil
}

func (s *Server) serveGet(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return w.resource(s.opts.Now()), nil
}

func (s *Server) serveUpdate(r *http.Request) (any, error) {
	f, err := readFields(r)
	if err != nil {
		return nil, err
	}
	var mask []string
	if text := r.URL.Query().Get("update_mask"); text != "" {
		mask = strings.Split(text, ",")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.update(r.PathValue("id"), f, mask)
	if err != nil {
		return nil, err
	}
	return w.resource(s.opts.Now()), nil
}

func (s *Server) serveDelete(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return struct{}{}, s.remove(r.PathValue("id"))
}

// serveVerb answers a custom method, whose name follows the id and a colon.
func (s *Server) serveVerb(r *http.Request) (any, error) {
	id, verb, _ := strings.Cut(r.PathValue("id"), ":")
	switch verb {
	case "ping":
		return s.servePing(r, id)
	case "rotateSigningSecret":
		return s.serveRotate(r, id)
	}
	return nil, &apiError{code: http.StatusNotFound, message: "No such method."}
}

// servePing answers before the delivery is sent, as Gemini does, so its answer does not depend on
// whether the delivery arrives.
func (s *Server) servePing(r *http.Request, id string) (any, error) {
	if err := readBody(r, &struct{}{}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	w, err := s.find(id)
	var ping delivery
	if err == nil {
		ping, err = s.newDelivery(w.id, w.uri, EventAt(PingType, w.id, s.opts.Now().Truncate(time.Second)))
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	ping.opts.Attempts = 1
	ping.sign = s.signRegistered(id, false)
	s.pings.Go(func() {
		if s.opts.Wait(context.Background(), s.opts.PingDelay) == nil {
			s.deliver(context.Background(), ping)
		}
	})
	return struct{}{}, nil
}

func (s *Server) serveRotate(r *http.Request, id string) (any, error) {
	var request struct {
		Behavior string `json:"revocation_behavior"`
	}
	if err := readBody(r, &request); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, err := s.rotate(id, request.Behavior)
	if err != nil {
		return nil, err
	}
	return struct {
		Secret string `json:"secret"`
	}{secret}, nil
}

// readFields reads a Webhook. Those of its members that only the server sets are ignored, as
// Google's APIs do.
func readFields(r *http.Request) (fields, error) {
	var request struct {
		fields
		ID               json.RawMessage `json:"id"`
		SigningSecrets   json.RawMessage `json:"signing_secrets"`
		NewSigningSecret json.RawMessage `json:"new_signing_secret"`
		CreateTime       json.RawMessage `json:"create_time"`
		UpdateTime       json.RawMessage `json:"update_time"`
	}
	err := readBody(r, &request)
	return request.fields, err
}

// readBody reads the JSON of a request; no body at all is an empty object. It refuses names that it
// does not know, those in camelCase among them, as Gemini does.
func readBody(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && decoder.More() {
		err = errors.New("more than one value")
	}
	if err != nil {
		return invalid("The body is not the JSON that this method takes: %s.", strings.TrimPrefix(fmt.Sprint(err), "json: "))
	}
	return nil
}
