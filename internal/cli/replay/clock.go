package replay

import (
	"sync"
	"time"
)

// A Clock has the server's time: leases must not end early because this machine's clock is fast. It
// is safe for concurrent use.
type Clock struct {
	Local func() time.Time // this machine's clock

	mu     sync.Mutex
	offset time.Duration
}

// Set takes over the server's time, as it was a moment ago.
func (c *Clock) Set(server time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = server.Sub(c.Local())
}

// Now returns the server's time; before the first Set it is this machine's.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Local().Add(c.offset)
}
