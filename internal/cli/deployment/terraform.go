package deployment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// Outputs are the outputs of Terraform.
type Outputs struct {
	texts         map[string]string
	subscriptions []string
}

// ErrNoOutputs is returned for a folder whose Terraform has made nothing yet.
var ErrNoOutputs = errors.New("Terraform has no outputs there")

// Terraform reads the outputs of a folder with the terraform on the PATH, or with tofu where there
// is no terraform.
func Terraform(ctx context.Context, folder string) (*Outputs, error) {
	program, err := exec.LookPath("terraform")
	if err != nil {
		if program, err = exec.LookPath("tofu"); err != nil {
			return nil, errors.New("read Terraform's outputs: neither terraform nor tofu is on the PATH")
		}
	}
	command := exec.CommandContext(ctx, program, "-chdir="+folder, "output", "-json", "-no-color")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	document, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("read Terraform's outputs in %s: %w: %s", folder, err, strings.TrimSpace(stderr.String()))
	}
	outputs, err := parseOutputs(document)
	if err != nil {
		return nil, fmt.Errorf("read Terraform's outputs in %s: %w", folder, err)
	}
	return outputs, nil
}

// An output is one as "terraform output -json" prints it.
type output struct{ Value json.RawMessage }

// findOutputs returns the outputs in what "terraform output -json" prints. A wrapper of Terraform
// may have written lines before them, JSON of its own among these, and after them.
func findOutputs(document []byte) (map[string]output, error) {
	for rest, more := document, true; more; _, rest, more = bytes.Cut(rest, []byte("\n")) {
		var all map[string]output
		err := json.NewDecoder(bytes.NewReader(rest)).Decode(&all)
		hasNoValue := func(o output) bool { return o.Value == nil }
		if err == nil && all != nil && !slices.ContainsFunc(slices.Collect(maps.Values(all)), hasNoValue) {
			return all, nil
		}
	}
	return nil, errors.New("there is no JSON of outputs in what it prints")
}

// parseOutputs reads what "terraform output -json" prints.
func parseOutputs(document []byte) (*Outputs, error) {
	all, err := findOutputs(document)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ErrNoOutputs
	}
	outputs := &Outputs{texts: map[string]string{}}
	for name, output := range all {
		var text string
		if json.Unmarshal(output.Value, &text) == nil {
			outputs.texts[name] = text
		}
	}
	var subscriptions map[string]string
	if json.Unmarshal(all["subscriptions"].Value, &subscriptions) == nil {
		outputs.subscriptions = slices.Sorted(maps.Values(subscriptions))
	}
	var results struct{ Topic string }
	if json.Unmarshal(all["results"].Value, &results) == nil {
		outputs.texts[resultsTopicOutput] = results.Topic
	}
	return outputs, nil
}

// resultsTopicOutput is the name here of what Terraform has within its output "results".
const resultsTopicOutput = "results.topic"

// text returns the value of a setting. In Terraform's outputs secrets have only their id.
func (o *Outputs) text(setting Setting) string {
	if o == nil || places[setting].output == "" {
		return ""
	}
	value := o.texts[places[setting].output]
	if value != "" && (setting == SigningSecrets || setting == DynamicKeys) {
		return "projects/" + o.texts[places[Project].output] + "/secrets/" + value
	}
	return value
}
