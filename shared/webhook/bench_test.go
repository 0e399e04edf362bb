package webhook_test

import "testing"

func BenchmarkVerifyV1(b *testing.B) {
	b.ReportAllocs()
	verifier, d := static(b), signV1(b, unsigned())
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), d.Header, d.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyV1a(b *testing.B) {
	b.ReportAllocs()
	verifier, d := dynamic(b), signV1a(b, unsigned(), google())
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), d.Header, d.Body); err != nil {
			b.Fatal(err)
		}
	}
}
