package webhook_test

import (
	"encoding/json"
	"io"
	"math"
	"strings"
)

// jsonObject is what encoding/json makes of a JSON object and nothing after it; nil of anything
// else.
func jsonObject(text string) map[string]any {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil
	}
	members, _ := value.(map[string]any)
	return members
}

// isFor reports whether an aud claim, a string or an array of strings, names an audience.
func isFor(aud any, name string) bool {
	switch aud := aud.(type) {
	case string:
		return aud == name
	case []any:
		named := false
		for _, one := range aud {
			text, isText := one.(string)
			if !isText && one != nil {
				return false
			}
			named = named || text == name
		}
		return named
	}
	return false
}

// jsonSeconds is a JSON number that can be a time in seconds.
func jsonSeconds(value any) (float64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	seconds, err := number.Float64()
	return seconds, err == nil && math.Abs(seconds) <= 1<<53
}
