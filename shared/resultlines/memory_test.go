//go:build !race

// Under the race detector a sync.Pool, such as that of encoding/json, forgets some of what it is
// given, and more is allocated.

package resultlines_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/resultlines"
)

// TestMemory wants a line to take no memory of its own, however long it and its parts are, and
// however it ends.
func TestMemory(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	content := []byte(`{"response":{"text":"` + long + `","n":[-1.5e+3,0,true,null]},"metadata":{"a":{}},"key":"k1"}` + "\n" +
		`{"key":"` + long + `","response":{}}` + "\n" + `{"response":{},"key":"k2","usage":{"` + long + `":1}}` + "\n")
	lines := resultlines.New(io.Discard)
	const runs = 10
	if allocations := testing.AllocsPerRun(runs, func() { _, _ = lines.Write(content) }); allocations > 3*4 {
		// The keys come again in each run, and a failure is written of each.
		t.Errorf("%f allocations for three lines whose keys came before", allocations)
	}
	if got := lines.Counts(); got.Failed != 0 || *got.DuplicateKeys != 3*runs {
		t.Errorf("counts %+v with %d duplicate keys", got, *got.DuplicateKeys)
	}
	fresh := bytes.ReplaceAll(content, []byte("key"), []byte("yek"))
	if allocations := testing.AllocsPerRun(runs, func() { _, _ = lines.Write(fresh) }); allocations != 0 {
		t.Errorf("%f allocations for three lines whose keys are under another name", allocations)
	}
}
