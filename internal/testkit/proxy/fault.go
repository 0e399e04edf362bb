package proxy

import "time"

// A Fault is what happens to a call, and to whatever else is under way on its connection.
type Fault struct {
	Kind   Kind
	Moment Moment
	Delay  time.Duration // of Delay
}

// A Kind is what happens to a connection.
type Kind string

// The kinds of faults.
const (
	Delay     Kind = "delay"      // what comes from that side from now on comes later
	Cut       Kind = "cut"        // both ends see the connection closed
	Reset     Kind = "reset"      // the client sees it reset
	BlackHole Kind = "black hole" // nothing arrives at either end any more, and neither sees an error
)

// Kinds are all kinds of faults.
var Kinds = []Kind{Delay, Cut, Reset, BlackHole}

// A Moment is the moment of a call at which a fault happens.
type Moment string

// The moments of a call.
const (
	// BeforeServer is when the client has sent the call and the server has none of it.
	BeforeServer Moment = "before the server has acted"
	// AfterServer is when the server has acted and answered, and the client has none of it.
	AfterServer Moment = "after the server has acted"
)

// Moments are all moments.
var Moments = []Moment{BeforeServer, AfterServer}
