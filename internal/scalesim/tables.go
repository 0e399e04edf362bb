package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// tables writes everything as Markdown.
func tables(plans []plan, each footprint, cpu time.Duration) string {
	return strings.Join([]string{
		summary(plans), bill(plans), instances(plans), turns(limits(each, cpu)), sizes(each),
	}, "\n")
}

// A grid is a Markdown table whose columns but the first are to the right.
type grid [][]string

func (g grid) String() string {
	var b strings.Builder
	for i, row := range g {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|---|%s\n", strings.Repeat("---:|", len(row)-1))
		}
	}
	return b.String()
}

// across returns a row: a name, and something of each plan.
func across(name string, plans []plan, text func(plan) string) []string {
	row := []string{name}
	for _, p := range plans {
		row = append(row, text(p))
	}
	return row
}

func dollars(v float64) string { return "$" + rounded(v) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}

func summary(plans []plan) string {
	return grid{
		across("deliveries a second", plans, func(p plan) string { return thousands(int(p.Rate)) }),
		across("deliveries a month", plans, func(p plan) string { return rounded(p.Rate*month.Seconds()/1e6) + " M" }),
		across("cost of a million", plans, func(p plan) string { return dollars(p.perMillion(p.monthly())) }),
		across("cost of a month", plans, func(p plan) string { return dollars(p.monthly()) }),
		across("the same, with Lambda", plans, func(p plan) string { return dollars(p.monthlyAWS()) }),
		across("Cloud Run instances", plans, func(p plan) string { return thousands(p.Instances) }),
		across("or Lambda environments, at least", plans, func(p plan) string { return thousands(p.Lambdas) }),
		across("Firestore writes and deletes a second", plans, func(p plan) string { return thousands(int(p.Rate * (writes + 1))) }),
		across("ramp from an empty ledger", plans, func(p plan) string {
			if p.Ramp == 0 {
				return "none"
			}
			return fmt.Sprintf("%.0f min", p.Ramp.Minutes())
		}),
	}.String()
}

// bill writes what a million deliveries cost, the dearest first as at the last of the rates.
func bill(plans []plan) string {
	g := grid{across("a million deliveries at", plans, func(p plan) string { return thousands(int(p.Rate)) + "/s" })}
	add := func(items func(plan) []item, together string, monthly func(plan) float64) {
		first := len(g)
		dearness := map[string]float64{}
		for i, of := range items(plans[len(plans)-1]) {
			dearness[of.Name] = of.USD
			g = append(g, across(of.Name, plans, func(p plan) string { return cents(p.perMillion(items(p)[i].USD)) }))
		}
		slices.SortStableFunc(g[first:], func(a, b []string) int { return cmp.Compare(dearness[b[0]], dearness[a[0]]) })
		g = append(g, across(together, plans, func(p plan) string { return "**" + cents(p.perMillion(monthly(p))) + "**" }))
	}
	add(func(p plan) []item { return p.Items }, "**on Google Cloud**", plan.monthly)
	add(func(p plan) []item { return p.AWS }, "**with Lambda**, Firestore and Pub/Sub", plan.monthlyAWS)
	return g.String()
}

func cents(v float64) string { return fmt.Sprintf("%.2f", v) }

func instances(plans []plan) string {
	return grid{
		across("one of the instances, at", plans, func(p plan) string { return thousands(int(p.Rate)) + "/s" }),
		across("deliveries a second to it", plans, func(p plan) string { return rounded(p.Rate / float64(p.Instances)) }),
		across("latency, median", plans, func(p plan) string { return milliseconds(p.Observed.P50) }),
		across("latency, 99 in 100", plans, func(p plan) string { return milliseconds(p.Observed.P99) }),
		across("in flight", plans, func(p plan) string { return fmt.Sprintf("%.1f", p.Observed.InFlight) }),
		across("found it full", plans, func(p plan) string { return fmt.Sprintf("%.3f %%", 100*p.Observed.Full) }),
		across("time billed", plans, func(p plan) string { return fmt.Sprintf("%.0f %%", 100*p.Observed.Billed) }),
	}.String()
}

func turns(all []limit) string {
	var b strings.Builder
	b.WriteString("| deliveries a second | limit | what to turn |\n|---:|---|---|\n")
	for _, l := range all {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", rounded(l.Rate), l.What, l.Turn)
	}
	return b.String()
}

func sizes(each footprint) string {
	row := func(name string, bytes float64) []string { return []string{name, fmt.Sprintf("%.0f B", bytes)} }
	return grid{
		{"of one delivery", "mean of the nine types"},
		row("body", each.Body),
		row("message, as Pub/Sub bills it", each.Message),
		row("document in the ledger", each.Document),
		row("its entries in four indexes", each.Index),
		row("log line", each.Line),
	}.String()
}
