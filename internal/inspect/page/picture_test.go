package page_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gemhook/gemhook/internal/standin"
)

var screenshot = flag.String("screenshot", "", "write the picture of the README to this file")

// TestPicture makes the picture of the README, on request alone: fonts differ between machines.
func TestPicture(t *testing.T) {
	if *screenshot == "" {
		t.Skip("the picture is made with -screenshot FILE")
	}
	f := browser(t)
	f.event("interaction.completed", "interactions/v1_9f2c")
	forged := f.signed(standin.EventAt("batch.succeeded", "batches/4m8x", time.Now()))
	forged.Body = append(forged.Body, '\n')
	f.post("/", forged)
	f.event("video.generated", "operations/7be0")
	f.event("batch.failed", "batches/1k3d")
	b := f.open(chromedp.EmulateViewport(1080, 620))
	b.choose("bad_signature")
	picture, err := chromedp.Run(b.context, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*screenshot, small(t, picture), 0o600); err != nil {
		t.Fatal(err)
	}
}

// small returns a picture reduced to its 64 most frequent colours.
func small(t *testing.T, picture []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.Color]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			counts[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] })
	reduced := image.NewPaletted(full.Bounds(), colours[:min(len(colours), 64)])
	draw.Draw(reduced, full.Bounds(), full, image.Point{}, draw.Src)
	var encoded bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&encoded, reduced); err != nil {
		t.Fatal(err)
	}
	return encoded.Bytes()
}
