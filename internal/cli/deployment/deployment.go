// Package deployment finds out what a command works with: the project, the topics, the ledger,
// where the secrets are, the receiver's URL.
//
// A setting comes from the command's flag, else from Terraform's outputs (where a folder is named),
// else from the environment, under the names the receiver itself has, else it has the receiver's
// default. Nothing is contacted to find it, except that Terraform reads its own state.
package deployment

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/tenant"
)

// A Setting is one thing to know of a deployment.
type Setting int

// The settings.
const (
	Project Setting = iota
	URL
	Topic
	DeadLetterTopic
	DeadLetterSubscription
	ResultsTopic
	Database
	Collection
	SigningSecrets
	DynamicKeys
	JWKSURL
	JWTAudience
	Tolerance
	Lease
	Retention
	MaxBody
	GeminiURL
	count
)

// All returns every setting.
func All() []Setting {
	all := make([]Setting, count)
	for i := range all {
		all[i] = Setting(i)
	}
	return all
}

// places say where each setting is looked for.
var places = [count]struct {
	what     string // in a message
	variable string // of the environment
	output   string // of Terraform
	flag     string
}{
	Project:                {what: "project", variable: "GOOGLE_CLOUD_PROJECT", output: "project_id", flag: "project"},
	URL:                    {what: "receiver's URL", variable: "GEMHOOK_URL", output: "static_url", flag: "url"},
	Topic:                  {what: "topic", variable: "GEMHOOK_TOPIC", output: "topic", flag: "topic"},
	DeadLetterTopic:        {what: "dead-letter topic", variable: "GEMHOOK_DEAD_LETTER_TOPIC", output: "dead_letter_topic"},
	DeadLetterSubscription: {what: "dead-letter subscription", variable: "GEMHOOK_DEAD_LETTER_SUBSCRIPTION", output: "dead_letter_subscription"},
	ResultsTopic:           {what: "results topic", variable: "GEMHOOK_RESULTS_TOPIC", output: resultsTopicOutput, flag: "results-topic"},
	Database:               {what: "ledger's database", variable: "GEMHOOK_DATABASE", output: "database"},
	Collection:             {what: "ledger's collection", variable: "GEMHOOK_COLLECTION", output: "collection"},
	SigningSecrets:         {what: "place of the signing secrets", variable: "GEMHOOK_SIGNING_SECRETS", output: "signing_secrets"},
	DynamicKeys:            {what: "place of the dynamic keys", variable: "GEMHOOK_DYNAMIC_KEYS", output: "dynamic_keys"},
	JWKSURL:                {what: "key set's URL", variable: "GEMHOOK_JWKS_URL"},
	JWTAudience:            {what: "tokens' audience", variable: "GEMHOOK_JWT_AUDIENCE"},
	Tolerance:              {what: "tolerance", variable: "GEMHOOK_TOLERANCE"},
	Lease:                  {what: "lease", variable: "GEMHOOK_LEASE"},
	Retention:              {what: "retention", variable: "GEMHOOK_RETENTION"},
	MaxBody:                {what: "largest body", variable: "GEMHOOK_MAX_BODY"},
	GeminiURL:              {what: "Gemini API's URL", variable: "GOOGLE_GEMINI_BASE_URL", flag: "gemini-url"},
}

func (s Setting) String() string { return places[s].what }

// Flag returns the name of the flag for the setting, without hyphens; empty if there is none.
func (s Setting) Flag() string { return places[s].flag }

// Variable returns the environment variable of the setting.
func (s Setting) Variable() string { return places[s].variable }

// The environment variables that name emulators. Google's libraries read them.
const (
	FirestoreEmulator = "FIRESTORE_EMULATOR_HOST"
	PubSubEmulator    = "PUBSUB_EMULATOR_HOST"
)

var (
	// ErrNoAPIKey is returned where the Gemini API is needed and there is no key.
	ErrNoAPIKey = errors.New("there is no Gemini API key")
	// ErrBadAPIKey is returned for a text that cannot be an API key.
	ErrBadAPIKey = errors.New("what is given as the Gemini API key is not one")
	// ErrOneEmulator is returned where only one of Firestore and Pub/Sub would be an emulator: a
	// command would bring the deliveries of the one onto the topics of the other.
	ErrOneEmulator = errors.New("of " + FirestoreEmulator + " and " + PubSubEmulator + ", only one is set")
	// ErrEmulatorAway is returned where an emulator is named and none answers.
	ErrEmulatorAway = errors.New("no emulator answers where the environment says")
	// ErrBadEmulator is returned where an emulator is named in a form that not all of Google's
	// libraries read.
	ErrBadEmulator = errors.New("an emulator's address is wrong")
)

// A MissingError says that a setting is needed and nowhere to be found.
type MissingError struct{ Setting Setting }

func (e *MissingError) Error() string { return "the " + e.Setting.String() + " is not known" }

// Advice says where it could have been.
func (e *MissingError) Advice() string {
	place := places[e.Setting]
	var ways []string
	if place.flag != "" {
		ways = append(ways, "--"+place.flag)
	}
	if place.output != "" {
		ways = append(ways, "--terraform-dir")
	}
	return "give it by " + strings.Join(append(ways, "the environment variable "+place.variable), ", or by ")
}

// A BadError says that a setting's value is wrong. It does not quote a value that could be secret.
type BadError struct {
	Setting Setting
	From    string // where the value was found
	Want    string
}

func (e *BadError) Error() string {
	return fmt.Sprintf("the %s, from %s, is wrong: want %s", e.Setting, e.From, e.Want)
}

// Settings are those of one deployment.
type Settings struct {
	values        [count]found
	subscriptions []string
	oneEmulator   bool // of the two
}

type found struct{ value, from string }

// Find looks for every setting: flags by name, then outputs, then the environment. outputs may be
// nil. An empty value counts as none.
func Find(flags map[string]string, outputs *Outputs, getenv func(string) string) *Settings {
	s := &Settings{oneEmulator: (getenv(FirestoreEmulator) == "") != (getenv(PubSubEmulator) == "")}
	for setting := range count {
		place := places[setting]
		for _, candidate := range []found{
			{flags[place.flag], "--" + place.flag},
			{outputs.text(setting), "Terraform's output " + place.output},
			{getenv(place.variable), place.variable},
			{config.Default(place.variable), "the default"},
		} {
			if candidate.value != "" {
				s.values[setting] = candidate
				break
			}
		}
	}
	if outputs != nil {
		s.subscriptions = outputs.subscriptions
	}
	return s
}

// Get returns a setting, or a [*MissingError], or a [*BadError] for one that is to be an id.
func (s *Settings) Get(setting Setting) (string, error) {
	found := s.values[setting]
	switch {
	case found.value == "":
		return "", &MissingError{setting}
	case slices.Contains(ids, setting) && strings.ContainsAny(found.value, "/ \t\r\n"):
		return "", &BadError{setting, found.from, "its id alone, without a slash or white space"}
	}
	return found.value, nil
}

// ids are the settings that are ids within a project, and the project's own.
var ids = []Setting{Project, Topic, DeadLetterTopic, ResultsTopic}

// Optional returns a setting, empty if it is nowhere to be found.
func (s *Settings) Optional(setting Setting) string { return s.values[setting].value }

// Secret returns a setting that says where a secret is, or a [*MissingError] or [*BadError].
func (s *Settings) Secret(setting Setting) (secret.Ref, error) {
	text, err := s.Get(setting)
	if err != nil {
		return secret.Ref{}, err
	}
	ref, err := secret.ParseRef(text)
	if err != nil {
		return secret.Ref{}, &BadError{setting, s.values[setting].from, err.Error()}
	}
	return ref, nil
}

// Duration returns a setting that is a length of time, or a [*BadError].
func (s *Settings) Duration(setting Setting) (time.Duration, error) {
	duration, err := time.ParseDuration(s.values[setting].value)
	if err != nil || duration <= 0 {
		return 0, &BadError{setting, s.values[setting].from, "a duration such as 90s or 5m"}
	}
	return duration, nil
}

// Size returns a setting that is a number of bytes, or a [*BadError].
func (s *Settings) Size(setting Setting) (int64, error) {
	size, err := strconv.ParseInt(s.values[setting].value, 10, 64)
	if err != nil || size <= 0 {
		return 0, &BadError{setting, s.values[setting].from, "a number of bytes"}
	}
	return size, nil
}

// CloudProject returns the project of the ledger and the topics, or a [*MissingError] or
// [*BadError], or ErrOneEmulator.
func (s *Settings) CloudProject() (string, error) {
	if s.oneEmulator {
		return "", ErrOneEmulator
	}
	return s.Get(Project)
}

// Receiver returns the receiver's base URL in its canonical form ([geminiapi.CanonicalURI]),
// without a slash at its end, or a [*MissingError] or [*BadError].
func (s *Settings) Receiver() (string, error) {
	text, err := s.Get(URL)
	if err != nil {
		return "", err
	}
	canonical, err := geminiapi.CanonicalURI(text)
	if err != nil || strings.Contains(canonical, "?") || strings.Contains(canonical+"/", tenant.PathPrefix) {
		return "", &BadError{URL, s.values[URL].from, "the receiver's static URL such as https://hooks.example.com/"}
	}
	return strings.TrimRight(canonical, "/"), nil
}

// Gemini returns the base URL of the Gemini API, empty for Google's own, or a [*BadError].
func (s *Settings) Gemini() (string, error) {
	return s.webURL(GeminiURL, "a URL such as https://generativelanguage.googleapis.com")
}

// KeySet returns the URL of the key set that dynamic deliveries are verified with, or a
// [*BadError].
func (s *Settings) KeySet() (string, error) {
	return s.webURL(JWKSURL, "a URL such as https://generativelanguage.googleapis.com/.well-known/jwks.json")
}

func (s *Settings) webURL(setting Setting, want string) (string, error) {
	text := s.values[setting].value
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !geminiapi.IsLoopback(u.Hostname())) {
		return "", &BadError{setting, s.values[setting].from, want + "; http only on this machine"}
	}
	return text, nil
}

// Subscriptions returns the ids of the subscriptions to the topic that Terraform made, sorted.
func (s *Settings) Subscriptions() []string { return s.subscriptions }
