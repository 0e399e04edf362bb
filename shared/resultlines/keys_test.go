package resultlines

import "testing"

// TestKeySet wants each hash to be found again, however many came between, up to the limit.
func TestKeySet(t *testing.T) {
	t.Parallel()
	var keys keySet
	hash := func(i int) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 } // 0 is the hash of the first
	for i := range maxKeys {
		if keys.cameBefore(hash(i)) {
			t.Fatalf("hash %d came before", i)
		}
		if earlier := i / 2; i > 0 && i < maxKeys-1 && !keys.cameBefore(hash(earlier)) {
			t.Fatalf("after hash %d, hash %d did not come before", i, earlier)
		}
	}
	if keys.cameBefore(hash(0)) || keys.cameBefore(hash(maxKeys)) {
		t.Error("a hash is compared beyond the limit")
	}
}
