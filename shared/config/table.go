package config

// A Setting is a row of the table.
type Setting struct {
	Name      string   // of the environment variable
	Functions Function // that read it
	Required  Function // that do not start without it
	Default   string
	Doc       string // a sentence for people, in Markdown

	// set checks a value that is not empty and puts it into the configuration. nil: a library or
	// the platform reads the variable.
	set func(check *checker, config *Config, value string)
}

// Google's addresses: of the key set of dynamic webhooks (Gemini webhooks guide), and of the
// certificates of OIDC tokens (https://accounts.google.com/.well-known/openid-configuration).
const (
	googleJWKS  = "https://generativelanguage.googleapis.com/.well-known/jwks.json"
	googleCerts = "https://www.googleapis.com/oauth2/v3/certs"
)

// Settings returns the table of all settings, in the order of the reference page.
func Settings() []Setting { return table }

// Default returns the default of a setting, empty if it has none.
func Default(name string) string {
	for _, setting := range table {
		if setting.Name == name {
			return setting.Default
		}
	}
	return ""
}

// Vars returns the names of the variables that a function reads, itself or by a library.
func Vars(function Function) []string {
	var names []string
	for _, setting := range table {
		if setting.Functions&function != 0 {
			names = append(names, setting.Name)
		}
	}
	return names
}

var table = []Setting{
	{
		Name: "GOOGLE_CLOUD_PROJECT", Functions: everyFunction, Required: everyFunction,
		Doc: "Google Cloud project of Firestore and Pub/Sub.",
		set: func(c *checker, to *Config, value string) { to.Project = c.project(value) },
	},
	{
		Name: "GEMHOOK_TOPIC", Functions: Receive | everyReconcile, Required: Receive | everyReconcile,
		Doc: "Topic id for events.",
		set: func(c *checker, to *Config, value string) { to.Topic = c.topic(value) },
	},
	{
		Name: "GEMHOOK_DEAD_LETTER_TOPIC", Functions: Receive | everyReconcile, Required: Receive | everyReconcile,
		Doc: "Topic id for genuine deliveries that are not events; another than `GEMHOOK_TOPIC`.",
		set: func(c *checker, to *Config, value string) { to.DeadLetterTopic = c.topic(value) },
	},
	{
		Name: "GEMHOOK_DATABASE", Functions: everyFunction, Default: "(default)",
		Doc: "Firestore database of the ledger.",
		set: func(c *checker, to *Config, value string) { to.Database = c.database(value) },
	},
	{
		Name: "GEMHOOK_COLLECTION", Functions: everyFunction, Default: "deliveries",
		Doc: "Firestore collection of the ledger.",
		set: func(c *checker, to *Config, value string) { to.Collection = c.collection(value) },
	},
	{
		Name: "GEMHOOK_SIGNING_SECRETS", Functions: Receive,
		Doc: "Where the `whsec_…` signing secrets are: `projects/P/secrets/S` or `projects/P/secrets/S/versions/V` (Secret Manager), `file:PATH`, or the text itself. " +
			"The text holds any number of secrets separated by white space; all are valid. Not set: `/` answers 404.",
		set: func(c *checker, to *Config, value string) { to.SigningSecrets = c.secret(value) },
	},
	{
		Name: "GEMHOOK_DYNAMIC_KEYS", Functions: Receive,
		Doc: "Where the dynamic keys are, in the same forms. An entry is `KEY`, a key for every tenant without one of its own; `TENANT:KEY`, a tenant's own key; or `TENANT:`, which closes the tenant. " +
			"A key is `dynkey_` and at least 32 characters of base64 or base64url. Another place than that of the signing secrets. Not set: `/dynamic/…` answers 404.",
		set: func(c *checker, to *Config, value string) { to.DynamicKeys = c.secret(value) },
	},
	{
		Name: "GEMHOOK_JWKS_URL", Functions: Receive, Default: googleJWKS,
		Doc: "Key set of dynamic webhooks; https, except on this machine.",
		set: func(c *checker, to *Config, value string) { to.JWKSURL = c.url(value) },
	},
	{
		Name: "GEMHOOK_JWT_AUDIENCE", Functions: Receive,
		Doc: "Audience of the tokens of dynamic deliveries. Not set: tokens are refused, and `v1a` alone is accepted.",
		set: func(c *checker, to *Config, value string) { to.JWTAudience = c.audience(value) },
	},
	{
		Name: "GEMHOOK_TOLERANCE", Functions: Receive, Default: "5m",
		Doc: "How far a delivery's time may be from the receiver's; at least 1 s, and less than `GEMHOOK_RETENTION`.",
		set: func(c *checker, to *Config, value string) { to.Tolerance = c.duration(value, minTolerance) },
	},
	{
		Name: "GEMHOOK_LEASE", Functions: everyFunction, Default: "60s",
		Doc: "How long a claim is exclusive; from 20 s to 1 h.",
		set: func(c *checker, to *Config, value string) { to.Lease = c.lease(value) },
	},
	{
		Name: "GEMHOOK_RETENTION", Functions: everyFunction, Default: "168h",
		Doc: "How long the ledger knows a delivery; at least 48 h, since Gemini retries for 24.",
		set: func(c *checker, to *Config, value string) { to.Retention = c.duration(value, minRetention) },
	},
	{
		Name: "GEMHOOK_MAX_BODY", Functions: Receive, Default: "262144",
		Doc: "Largest body in bytes, up to 900000.",
		set: func(c *checker, to *Config, value string) { to.MaxBody = c.size(value) },
	},
	{
		Name: "GEMHOOK_GOOGLE_CREDENTIALS", Functions: everyFunction,
		Doc: "External-account JSON with which a Lambda function is known to Google Cloud. Not set: the platform's own credentials.",
		set: func(c *checker, to *Config, value string) { to.GoogleCredentials = c.credentials(value) },
	},
	{
		Name: "GEMHOOK_API_KEYS", Functions: Collect | everyReconcile, Required: Collect,
		Doc: "Where the Gemini API keys are, in the forms of `GEMHOOK_SIGNING_SECRETS`. An entry is `KEY`, or `TENANT:KEY` for the jobs of that tenant's project. " +
			"Not set: reconcile finishes, and neither re-enables nor finds.",
		set: func(c *checker, to *Config, value string) { to.APIKeys = c.secret(value) },
	},
	{
		Name: "GEMHOOK_RESULTS_BUCKET", Functions: Collect, Required: Collect,
		Doc: "Cloud Storage bucket for results.",
		set: func(c *checker, to *Config, value string) { to.ResultsBucket = c.bucket(value) },
	},
	{
		Name: "GEMHOOK_RESULTS_TOPIC", Functions: Collect, Required: Collect,
		Doc: "Topic id for result messages.",
		set: func(c *checker, to *Config, value string) { to.ResultsTopic = c.topic(value) },
	},
	{
		Name: "GEMHOOK_PUSH_AUDIENCE", Functions: Collect | Reconcile, Required: Collect | Reconcile,
		Doc: "Audience of the OIDC token that Pub/Sub or Cloud Scheduler sends.",
		set: func(c *checker, to *Config, value string) { to.PushAudience = c.audience(value) },
	},
	{
		Name: "GEMHOOK_PUSH_ACCOUNT", Functions: Collect | Reconcile, Required: Collect | Reconcile,
		Doc: "Email address of the service account whose token that is.",
		set: func(c *checker, to *Config, value string) { to.PushAccount = c.account(value) },
	},
	{
		Name: "GEMHOOK_PUSH_CERTS_URL", Functions: Collect | Reconcile, Default: googleCerts,
		Doc: "Certificates that sign these tokens; https, except on this machine.",
		set: func(c *checker, to *Config, value string) { to.PushCertsURL = c.url(value) },
	},
	{
		Name: "GEMHOOK_FIND_AFTER", Functions: everyReconcile, Default: "25h",
		Doc: "How long after its end a batch without an event counts as missed: at least 25 h, since Gemini retries for 24, and less than `GEMHOOK_RETENTION`; or `0`, which finds nothing.",
		set: func(c *checker, to *Config, value string) { to.FindAfter = c.findAfter(value) },
	},
	{
		Name: "GEMHOOK_FIND_PREFIX", Functions: everyReconcile,
		Doc: "Only batches whose display name begins with this are found. Not set: all.",
		set: func(_ *checker, to *Config, value string) { to.FindPrefix = value },
	},
	{
		Name: "GEMHOOK_FINISH_RATE", Functions: everyReconcile, Default: "50",
		Doc: "How many deliveries reconcile finishes in a second, from 1 to 1000.",
		set: func(c *checker, to *Config, value string) { to.FinishRate = c.number(value, 1, 1000) },
	},
	{
		Name: "GEMHOOK_CANARY", Functions: everyReconcile, Default: "false",
		Doc: "`true`: once a day Gemini pings the webhook, and reconcile waits for the ping in the ledger. It needs `GEMHOOK_URL` and `GEMHOOK_API_KEYS`.",
		set: func(c *checker, to *Config, value string) { to.Canary = c.boolean(value) },
	},
	{
		Name: "GEMHOOK_URL", Functions: everyReconcile,
		Doc: "The receiver's URL, whose webhook reconcile looks after. Not set: none.",
		set: func(c *checker, to *Config, value string) { to.ReceiverURL = c.url(value) },
	},
	{
		Name: "GOOGLE_GEMINI_BASE_URL", Functions: Collect | everyReconcile,
		Doc: "The Gemini API; https, except on this machine. Not set: Google's.",
		set: func(c *checker, to *Config, value string) { to.GeminiURL = c.url(value) },
	},
	{
		Name: "LOG_LEVEL", Functions: everyFunction, Default: "info",
		Doc: "`debug`, `info`, `warn` or `error`.",
		set: func(c *checker, to *Config, value string) { to.LogLevel = c.level(value) },
	},
	{Name: "FIRESTORE_EMULATOR_HOST", Functions: everyFunction, Doc: "Firestore's emulator, as Google's libraries read it; with Pub/Sub's or not at all."},
	{Name: "PUBSUB_EMULATOR_HOST", Functions: everyFunction, Doc: "Pub/Sub's emulator, as Google's libraries read it; with Firestore's or not at all."},
	{Name: "STORAGE_EMULATOR_HOST", Functions: Collect, Doc: "An emulator of Cloud Storage, as Google's library reads it."},
	{Name: "PORT", Functions: everyFunction, Doc: "Where the Functions Framework listens."},
}
