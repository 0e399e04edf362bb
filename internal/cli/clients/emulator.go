package clients

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deployment"
)

// answering is how long an emulator may take to accept a connection: it is on this machine, or next
// to it.
const answering = 2 * time.Second

// checkEmulator checks that the emulator which an environment variable names is there, if that is
// set. Google's clients read the variable themselves, and would try to reach an emulator that is
// away until the call's time is over.
func checkEmulator(ctx context.Context, variable string) error {
	address := os.Getenv(variable)
	if address == "" {
		return nil
	}
	if strings.Contains(address, "://") {
		return fmt.Errorf("%w: %s is a host and a port, such as 127.0.0.1:8080", deployment.ErrBadEmulator, variable)
	}
	dialer := net.Dialer{Timeout: answering}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w, %s: %w", deployment.ErrEmulatorAway, variable, err)
	}
	return connection.Close()
}
