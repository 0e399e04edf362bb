package terraformtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/ledger"
)

// A field that the ledger module does not name would be indexed in both directions on every write.
func TestLedgerFieldsHaveTheirIndexSetting(t *testing.T) {
	folder := filepath.Join(repository(t), "terraform", "modules", "backend")
	var named []string
	for _, file := range []string{"ledger.tf", "fields.tf"} {
		module, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^  field +=\s"(\w+)"`).FindAllSubmatch(module, -1) {
			named = append(named, string(match[1]))
		}
	}

	var fields []string
	for field := range reflect.TypeFor[ledger.Document]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("firestore"), ",")
		fields = append(fields, name)
	}
	sameSet(t, "the ledger's document", fields, "the backend module", named)
}

// TestLeastPrivilege looks for grants that are wider than they need to be, and for arguments that
// would put a secret into the state.
func TestLeastPrivilege(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		"a basic role":                    regexp.MustCompile(`"roles/(owner|editor|viewer)"`),
		"an administrator's role":         regexp.MustCompile(`"roles/[\w.]*[aA]dmin"`),
		"a grant that takes others away":  regexp.MustCompile(`"google_\w+_iam_(binding|policy)"`),
		"a default service account":       regexp.MustCompile(`(compute|app_engine)_default_service_account|-compute@developer|@appspot\.gserviceaccount|@cloudbuild\.gserviceaccount`),
		"a service account key":           regexp.MustCompile(`"google_service_account_key"`),
		"a secret's value in the state":   regexp.MustCompile(`\bsecret_data\s*=`),
		"an AWS policy for everything":    regexp.MustCompile(`Resource\s*=\s*"\*"`),
		"a policy that AWS keeps for you": regexp.MustCompile(`aws_iam_role_policy_attachment|managed_policy_arns`),
	}
	// Logs alone have no policy below the project; every other grant there needs a condition.
	projectGrant := regexp.MustCompile(`(?sm)^resource "google_project_iam_member" "(\w+)" \{\n(.*?)^\}`)
	seen := 0

	err := filepath.WalkDir(filepath.Join(repository(t), "terraform"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".tf") || strings.Contains(path, "/.terraform/") || strings.Contains(path, "/tests/") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for what, pattern := range forbidden {
			if match := pattern.Find(content); match != nil {
				t.Errorf("%s: %s: %s", path, what, match)
			}
		}
		for _, grant := range projectGrant.FindAllStringSubmatch(string(content), -1) {
			seen++
			if !strings.Contains(grant[2], "condition {") && !strings.Contains(grant[2], `"roles/logging.logWriter"`) {
				t.Errorf("%s: google_project_iam_member.%s is on the whole project", path, grant[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("no grant on a project was found, so nothing was checked")
	}
}
