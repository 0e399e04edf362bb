package cloudlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/printable"
)

func TestLinesCommandNoTerminal(t *testing.T) {
	t.Parallel()
	const hostile = "a\x1b[2Jb\u009b2Jc\x7fd\u202ee\u2066f"
	var line bytes.Buffer
	slog.New(cloudlog.NewHandler(&line, nil)).Info(hostile, "webhook_id", hostile, slog.Group(hostile, hostile, hostile))
	for _, r := range line.String() {
		if r != '\n' && printable.Unsafe(r) {
			t.Errorf("%U is in the line %q", r, line.String())
		}
	}
	var got map[string]any
	if err := json.Unmarshal(line.Bytes(), &got); err != nil || got["webhook_id"] != hostile {
		t.Errorf("the line means %v, %v", got, err)
	}
}

// refusing is a stream that takes nothing.
type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

func TestLinesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	if err := cloudlog.NewHandler(refusing{full}, nil).Handle(t.Context(), record); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}
