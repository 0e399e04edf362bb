// Package terminal is a terminal for tests. It understands what programs write to one, says what
// is on its screen, and types.
//
//	shown := terminal.New(t, 80, 24)
//	shown.Run(exec.Command(program)) // or: give it to tcell, as it is a tcell.Tty
//	shown.Await("what is on the screen")
//	shown.Type("q")
package terminal

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/gdamore/tcell/v3/vt"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/gemhook/gemhook/internal/testkit"
)

// What is typed for keys without a character.
const (
	Up, Down, Home, End = "\x1b[A", "\x1b[B", "\x1b[H", "\x1b[F"
	PageUp, PageDown    = "\x1b[5~", "\x1b[6~"
	Enter, Esc, CtrlC   = "\r", "\x1b", "\x03"
)

// A Terminal is one of a test.
type Terminal struct {
	vt.MockTerm
	t       testing.TB
	written testkit.Buffer
	before  *term.State

	master, tty *os.File // the two sides of a program's pseudo-terminal; nil: there is none
}

// New returns a terminal of a size.
func New(t testing.TB, columns, rows int) *Terminal {
	x := &Terminal{t: t, MockTerm: vt.NewMockTerm(vt.MockOptSize{X: vt.Col(columns), Y: vt.Row(rows)})}
	t.Cleanup(func() { _ = x.Stop() })
	return x
}

// Run starts a program whose terminal this is, for standard input, output and error. It leaves the
// test out where there are no pseudo-terminals.
func (x *Terminal) Run(command *exec.Cmd) {
	x.t.Helper()
	master, tty, err := openPTY()
	if err != nil {
		testkit.LeaveOut(x.t, testkit.Need{Name: "pseudo-terminal", How: "mount /dev/pts"})
	}
	x.t.Cleanup(func() { _, _ = master.Close(), tty.Close() })
	x.master, x.tty = master, tty
	if x.before, err = term.GetState(int(tty.Fd())); err != nil {
		x.t.Fatal(err)
	}
	size := x.Backend().GetSize()
	x.Resize(int(size.X), int(size.Y))
	command.Stdin, command.Stdout, command.Stderr = tty, tty, tty
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := errors.Join(x.Start(), command.Start()); err != nil {
		x.t.Fatal(err)
	}
	go func() { _, _ = io.Copy(x, master) }()
}

// openPTY opens a pseudo-terminal. The library leaves the master such that Close waits for Read to
// return, which is too late for HangUp.
func openPTY() (master, tty *os.File, err error) {
	blocking, tty, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer blocking.Close()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	return os.NewFile(uintptr(fd), blocking.Name()), tty, err
}

// HangUp takes the terminal away from its program.
func (x *Terminal) HangUp() error { return x.master.Close() }

// Resize gives the terminal another size, which its program is told.
func (x *Terminal) Resize(columns, rows int) {
	x.SetSize(vt.Coord{X: vt.Col(columns), Y: vt.Row(rows)})
	if x.tty != nil {
		if err := pty.Setsize(x.tty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
			x.t.Error(err)
		}
	}
}

// Write shows what a program writes.
func (x *Terminal) Write(text []byte) (int, error) {
	_, _ = x.written.Write(text)
	return x.MockTerm.Write(text)
}

// Written returns all that was written.
func (x *Terminal) Written() string { return x.written.String() }

// Type types keys.
func (x *Terminal) Type(keys string) {
	x.t.Helper()
	if x.master == nil {
		x.SendRaw([]byte(keys))
	} else if _, err := io.WriteString(x.master, keys); err != nil {
		x.t.Error(err)
	}
}

// Shown returns the lines of the screen, without the spaces at their ends.
func (x *Terminal) Shown() string {
	var lines []string
	size := x.Backend().GetSize()
	for y := range size.Y {
		var line strings.Builder
		for column := vt.Col(0); column < size.X; column++ {
			cell := x.GetCell(vt.Coord{X: column, Y: y})
			if cell.C == "" {
				cell.C = " "
			}
			line.WriteString(cell.C)
			if cell.W == 2 {
				column++ // which it covers
			}
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Await returns when all of these texts are on the screen. Where they do not come it fails the test,
// and logs the screen.
func (x *Terminal) Await(texts ...string) {
	x.t.Helper()
	defer func() {
		if x.t.Failed() {
			x.t.Logf("the screen:\n%s", x.Shown())
		}
	}()
	testkit.AwaitTrue(x.t, "the screen has "+strings.Join(texts, " and "), func() bool {
		shown := x.Shown()
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return false
			}
		}
		return true
	})
}

// WantRestored fails the test unless the program leaves the terminal as it was: its first screen,
// with a cursor, and what is typed comes as it did.
func (x *Terminal) WantRestored() {
	x.t.Helper()
	testkit.AwaitTrue(x.t, "the terminal is as it was", func() bool {
		for mode, wantOn := range map[vt.PrivateMode]bool{vt.PmAltScreen: false, vt.PmAppCursor: false, vt.PmShowCursor: true, vt.PmAutoMargin: true} {
			on, off := strings.LastIndex(x.Written(), mode.Enable()), strings.LastIndex(x.Written(), mode.Disable())
			if on == off || wantOn != (on > off) {
				return false
			}
		}
		return true
	})
	if x.tty == nil {
		return
	}
	if now, err := term.GetState(int(x.tty.Fd())); err != nil || !reflect.DeepEqual(now, x.before) {
		x.t.Errorf("the terminal is set otherwise than before: %v, %v", now, err)
	}
}
