package suite

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/pack"
)

// architecture is that of scripts/package's default.
const architecture = "arm64"

func (r *run) sizes(ctx context.Context) ([]*report.Row, error) {
	r.Progress(fmt.Sprintf("%-14s building", r.name))
	program, archive, err := packedSizes(ctx, r.Root)
	if err != nil {
		return nil, err
	}
	hello, err := r.helloTree()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(hello)
	helloProgram, helloArchive, err := packedSizes(ctx, hello)
	if err != nil {
		return nil, err
	}
	var sources bytes.Buffer
	if err := pack.WriteCloudFunction(&sources, r.Root, "receive"); err != nil {
		return nil, err
	}
	const reference = "hello-world Lambda, both clients"
	return []*report.Row{
		{
			Figure: "size of bootstrap", Reference: reference, Unit: report.Bytes,
			Rounds: []report.Round{{Figure: program, Reference: helloProgram}}, Mark: report.AtMost(1.15),
			Note: "Sizes are for " + architecture + ". The hello-world imports and uses the Firestore and Pub/Sub clients, and " +
				"is built by the same packer with the same flags. receive-cloudfunction.zip holds sources, and is compared with nothing.",
		},
		{
			Figure: "size of receive-lambda.zip", Reference: reference, Unit: report.Bytes,
			Rounds: []report.Round{{Figure: archive, Reference: helloArchive}}, Mark: report.AtMost(1.15),
		},
		{
			Figure: "size of receive-cloudfunction.zip", Unit: report.Bytes,
			Rounds: []report.Round{{Figure: float64(sources.Len())}},
		},
	}, nil
}

// packedSizes packs the Lambda function of the tree at root and returns the sizes of the program
// and of its archive.
func packedSizes(ctx context.Context, root string) (program, archive float64, err error) {
	var packed bytes.Buffer
	if err := pack.WriteLambda(ctx, &packed, root, "receive", architecture); err != nil {
		return 0, 0, err
	}
	files, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		return 0, 0, err
	}
	return float64(files.File[0].UncompressedSize64), float64(packed.Len()), nil
}

// helloTree makes a tree whose Lambda function is the hello-world, with the repository's versions
// of everything.
func (r *run) helloTree() (string, error) {
	tree, err := os.MkdirTemp("", "gemhook-bench-hello-")
	if err != nil {
		return "", err
	}
	for to, from := range map[string]string{
		"go.mod": "go.mod", "go.sum": "go.sum", "functions/receive/lambda/main.go": "internal/bench/hellolambda/main.go",
	} {
		data, err := os.ReadFile(filepath.Join(r.Root, from))
		if err != nil {
			return "", err
		}
		target := filepath.Join(tree, to)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			return "", err
		}
	}
	return tree, nil
}
