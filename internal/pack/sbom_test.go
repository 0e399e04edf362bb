package pack_test

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/pack"
)

// The bill of materials lists what the program was built from.
func TestSBOMOfLambda(t *testing.T) {
	archive := open(t, lambdaArchive(t, repository, "arm64"))
	program := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(program, read(t, archive.File[0]), 0o755); err != nil {
		t.Fatal(err)
	}
	wantSBOM(t, program, pack.Lambda)
}

// wantSBOM wants the bill of materials of the receiver to have the modules of the program, with
// their checksums, and no other.
func wantSBOM(t *testing.T, program string, platform pack.Platform) {
	t.Helper()
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, module := range built.Deps {
		if module.Sum != "" { // the one in the archive has none
			want["pkg:golang/"+module.Path+"@"+module.Version] = module.Sum
		}
	}
	var written bytes.Buffer
	if err := pack.WriteSBOM(t.Context(), &written, repository, "receive", platform); err != nil {
		t.Fatal(err)
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(&written, cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, component := range *bom.Components {
		hash, err := hex.DecodeString((*component.Hashes)[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		got[component.PackageURL] = "h1:" + base64.StdEncoding.EncodeToString(hash)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("of %d modules (-program +bill of materials):\n%s", len(want), diff)
	}
}
