package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/secret"
)

const (
	minTolerance = time.Second
	// The least lease follows from the premises of the ledger.
	minLease = ledger.MinLease
	maxLease = time.Hour
	// Gemini retries for 24 hours; twice that leaves room for a retry that was itself delayed.
	minRetention = 48 * time.Hour
	// An hour after Gemini's last retry no delivery of its own is to be expected.
	minFindAfter = 25 * time.Hour
	// A Firestore document holds 1 MiB (https://cloud.google.com/firestore/quotas): the body, 100
	// attributes of at most 1,280 bytes, and 10 KiB for the rest.
	maxMaxBody = 900_000
)

// An idForm is what an id may look like. Its length is checked apart from the pattern: to compile a
// regular expression that counts to 500 takes most of the time before an instance listens.
type idForm struct {
	least, most int // bytes
	pattern     func() *regexp.Regexp
}

// pattern compiles an expression when it is first used: no function has every setting.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

var (
	topicID      = idForm{3, 255, pattern(`^[A-Za-z][A-Za-z0-9\-_.~+%]*$`)}
	databaseID   = idForm{4, 63, pattern(`^(\(default\)|[a-z][a-z0-9-]*[a-z0-9])$`)}
	projectID    = idForm{1, 100, pattern(`^([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]*$`)}
	collectionID = idForm{1, 500, pattern(`^[A-Za-z0-9][^/\s]*$`)}
	// https://cloud.google.com/storage/docs/buckets#naming
	bucketName   = idForm{3, 222, pattern(`^[a-z0-9][a-z0-9._-]*[a-z0-9]$`)}
	accountEmail = idForm{3, 320, pattern(`^[^@\s]+@[^@\s]+$`)}
)

// A checker turns values into their types and collects the faults.
type checker struct {
	texts  []TextCheck
	name   string // of the variable that is checked
	faults []error
}

func (c *checker) fault(format string, args ...any) {
	c.faultOf(c.name, format, args...)
}

func (c *checker) faultOf(name, format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%s "+format, append([]any{name}, args...)...))
}

func (c *checker) matching(value string, form idForm, want string) string {
	if len(value) < form.least || len(value) > form.most || !form.pattern().MatchString(value) {
		c.fault("is %q, want %s", value, want)
	}
	return value
}

func (c *checker) project(value string) string {
	return c.matching(value, projectID, "the id of a Google Cloud project, such as my-project, without projects/")
}

func (c *checker) topic(value string) string {
	return c.matching(value, topicID, "a topic id such as gemini-events, without projects/…/topics/")
}

func (c *checker) database(value string) string {
	return c.matching(value, databaseID, "(default) or the id of a Firestore database")
}

func (c *checker) collection(value string) string {
	return c.matching(value, collectionID, "the id of a Firestore collection, without a slash")
}

func (c *checker) bucket(value string) string {
	return c.matching(value, bucketName, "the name of a Cloud Storage bucket, without gs://")
}

func (c *checker) account(value string) string {
	return c.matching(value, accountEmail, "the email address of a service account")
}

func (c *checker) duration(value string, least time.Duration) time.Duration {
	parsed, err := time.ParseDuration(value)
	if err != nil {
		c.fault("is %q, want a duration such as 90s or 5m", value)
	} else if parsed < least {
		c.fault("is %s, want at least %s", parsed, least)
	}
	return parsed
}

func (c *checker) lease(value string) time.Duration {
	lease := c.duration(value, minLease)
	if lease > maxLease {
		c.fault("is %s, want at most %s: an abandoned claim must end long before Gemini stops retrying after 24 hours", lease, maxLease)
	}
	return lease
}

func (c *checker) findAfter(value string) time.Duration {
	if value == "0" {
		return 0
	}
	return c.duration(value, minFindAfter)
}

func (c *checker) size(value string) int64 {
	parsed, err := strconv.ParseInt(value, 10, 64)
	if err != nil || parsed < 1 || parsed > maxMaxBody {
		c.fault("is %q, want a number of bytes from 1 to %d", value, maxMaxBody)
	}
	return parsed
}

func (c *checker) number(value string, least, most int) int {
	parsed, err := strconv.Atoi(value)
	if err != nil || parsed < least || parsed > most {
		c.fault("is %q, want a number from %d to %d", value, least, most)
	}
	return parsed
}

func (c *checker) boolean(value string) bool {
	if value != "true" && value != "false" {
		c.fault("is %q, want true or false", value)
	}
	return value == "true"
}

func (c *checker) url(value string) string {
	parsed, err := url.Parse(value)
	switch {
	case strings.Contains(value, "@"): // not quoted, since a password can be before it
		c.fault("has a user name in it, want an https:// URL without one")
	case err != nil || parsed.Hostname() == "" || strings.ContainsAny(value, "# ") ||
		parsed.Scheme != "https" && !(parsed.Scheme == "http" && isLoopback(parsed.Hostname())):
		c.fault("is %q, want an https:// URL", value)
	}
	return value
}

// isLoopback reports whether a host is this machine: only there can nobody change what http
// carries.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// audience checks the audience of tokens, which is compared as it is.
func (c *checker) audience(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		c.fault("is %q, want an audience without white space", value)
	}
	return value
}

// emulators checks that both of the emulators are named or neither.
func (c *checker) emulators(lookup func(name string) (value string, found bool)) {
	for _, names := range [][2]string{
		{"FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"}, {"PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"},
	} {
		set, _ := lookup(names[0])
		other, _ := lookup(names[1])
		if set != "" && other == "" {
			c.faultOf(names[0], "is set and %s is not, want both or neither: the ledger and the topic would not belong together", names[1])
		}
	}
}

// together checks what must hold between settings that are good by themselves.
func (c *checker) together(config *Config) {
	if !config.DynamicKeys.IsZero() && config.DynamicKeys == config.SigningSecrets {
		c.faultOf("GEMHOOK_DYNAMIC_KEYS", "is the place of GEMHOOK_SIGNING_SECRETS, want another: to each of the two the other's entries are malformed")
	}
	if config.Canary && (config.ReceiverURL == "" || config.APIKeys.IsZero()) {
		c.faultOf("GEMHOOK_CANARY", "is true, want GEMHOOK_URL and GEMHOOK_API_KEYS with it: without them there is no webhook to ping")
	}
	if config.Topic != "" && config.Topic == config.DeadLetterTopic {
		c.faultOf("GEMHOOK_DEAD_LETTER_TOPIC", "is the topic of GEMHOOK_TOPIC, want another: subscribers would take dead letters for events")
	}
	if config.Retention >= minRetention && config.Tolerance >= config.Retention {
		c.faultOf("GEMHOOK_TOLERANCE", "is %s, want less than GEMHOOK_RETENTION, which is %s: a delivery could be taken again after its record is gone", config.Tolerance, config.Retention)
	}
	if config.Retention >= minRetention && config.FindAfter >= config.Retention {
		c.faultOf("GEMHOOK_FIND_AFTER", "is %s, want less than GEMHOOK_RETENTION, which is %s: whether an event came is not on record for longer", config.FindAfter, config.Retention)
	}
}

// secret checks where a secret text is and, if it is the value itself, the text.
func (c *checker) secret(value string) secret.Ref {
	ref, err := secret.ParseRef(value)
	if err != nil {
		c.fault("is wrong: %w", err)
	}
	text, isLiteral := ref.Literal()
	for _, t := range c.texts {
		if !isLiteral || t.Variable != c.name {
			continue
		}
		if err := t.Check(text.Reveal()); err != nil {
			c.fault("is wrong: %s; write projects/P/secrets/S or file:PATH to have it read from there",
				strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return ref
}

func (c *checker) credentials(value string) secret.Text {
	var credentials struct {
		Type string `json:"type"`
	}
	if json.Unmarshal([]byte(value), &credentials) != nil || credentials.Type != "external_account" {
		c.fault("is not the JSON of external-account credentials")
	}
	return secret.NewText(value)
}

func (c *checker) level(value string) slog.Level {
	var level slog.Level
	if strings.EqualFold(value, "warning") { // as Cloud Logging calls it
		value = "warn"
	}
	if level.UnmarshalText([]byte(value)) != nil {
		c.fault("is %q, want debug, info, warn or error", value)
	}
	return level
}
