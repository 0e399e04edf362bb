package backend

import (
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
)

// connections are how clients hold their gRPC connections.
var connections = []option.ClientOption{
	// gRPC by itself waits up to two minutes before it connects again. For as long, a backend that
	// is back would still count as away.
	option.WithGRPCDialOption(grpc.WithConnectParams(grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second,
		},
		MinConnectTimeout: 3 * time.Second,
	})),
	// A connection that has gone silent is given up by the first call that meets it. Without this
	// it is used until TCP gives up, after a quarter of an hour.
	option.WithGRPCDialOption(grpc.WithKeepaliveParams(keepalive.ClientParameters{
		Time: 10 * time.Second, Timeout: 3 * time.Second,
	})),
	// Firewalls drop idle connections without notice (AWS's after 350 seconds,
	// https://docs.aws.amazon.com/network-firewall/latest/APIReference/API_FlowTimeouts.html), and
	// an instance that was frozen meanwhile has sent no pings. A new connection is cheap; a publish
	// on a dead one may have landed.
	option.WithGRPCDialOption(grpc.WithIdleTimeout(4 * time.Minute)),
	// Nobody collects spans and metrics here. They would take 20 to 30 µs of each call.
	option.WithTelemetryDisabled(),
}
