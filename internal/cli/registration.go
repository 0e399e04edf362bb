package cli

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// deliverable returns the canonical form of an address that a webhook is to deliver to. It fails if
// Gemini could not deliver there.
func deliverable(settings *deployment.Settings, address string) (string, error) {
	canonical, err := geminiapi.CanonicalURI(address)
	if err != nil {
		return "", err
	}
	gemini, err := settings.Gemini()
	if err != nil {
		return "", err
	}
	if api, err := url.Parse(gemini); err == nil && geminiapi.IsLoopback(api.Hostname()) {
		return canonical, nil // a stand-in delivers to this machine
	}
	u, err := url.Parse(canonical)
	if err != nil {
		return "", err
	}
	if !public(u.Hostname()) {
		return "", failure.WithCode(errors.New("Gemini cannot deliver to "+u.Hostname()+", which is not on the public internet"), failure.Settings)
	}
	return canonical, nil
}

// shared are the addresses between a provider and its customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// public reports whether a host can be on the public internet.
func public(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsGlobalUnicast() && !ip.IsPrivate() && !shared.Contains(ip)
	}
	within, top := "", host
	if dot := strings.LastIndex(host, "."); dot >= 0 {
		within, top = host[:dot], host[dot+1:]
	}
	_, noName := strconv.Atoi(top) // 127.1 is an address to some programs
	return within != "" && noName != nil && !slices.Contains(notPublic, top) && !strings.HasSuffix(host, ".home.arpa")
}

// notPublic are top-level domains that the public DNS does not have
// (https://www.iana.org/assignments/special-use-domain-names).
var notPublic = []string{"localhost", "local", "internal", "test", "invalid", "example", "onion", "alt"}

// refusedEvents adds to Gemini's refusal of a registration which types of event to leave out, if
// these are the reason.
func refusedEvents(err error, events []string) error {
	if !errors.Is(err, geminiapi.ErrInvalid) {
		return err
	}
	known := geminiapi.EventTypes()
	refused := blamed(err.Error(), events, known)
	rest := slices.DeleteFunc(slices.Clone(events), func(event string) bool { return slices.Contains(refused, event) })
	switch {
	case len(refused) == 0:
		return err
	case len(rest) == 0:
		return failure.Advise(err, "choose among the types that Gemini takes: --event "+strings.Join(known, ","))
	}
	return failure.Advise(err, "leave out "+strings.Join(refused, " and ")+": --event "+strings.Join(rest, ","))
}

// blamed returns those of the events that a refusal is about: the unknown ones that it names, else
// all unknown ones. If all are known, it returns those that the refusal names, unless the refusal
// lists all known ones.
func blamed(refusal string, events, known []string) []string {
	named := func(event string) bool { return strings.Contains(refusal, event) }
	var unknown, unknownNamed, knownNamed []string
	for _, event := range events {
		switch {
		case !slices.Contains(known, event) && named(event):
			unknownNamed = append(unknownNamed, event)
		case !slices.Contains(known, event):
			unknown = append(unknown, event)
		case named(event):
			knownNamed = append(knownNamed, event)
		}
	}
	listed := !slices.ContainsFunc(known, func(event string) bool { return !named(event) })
	switch {
	case len(unknownNamed) > 0:
		return unknownNamed
	case len(unknown) > 0:
		return unknown
	case listed:
		return nil
	}
	return knownNamed
}
