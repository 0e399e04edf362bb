// Package answer writes the answers of all functions over HTTP: JSON, whole, with its length.
package answer

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// JSON answers with a status and a body, which must be one that encoding/json can encode. Errors of
// sending it are ignored, as the client may be gone.
func JSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // a mistake in the caller
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

// Error answers with a status, a code for programs, and a sentence for people.
func Error(w http.ResponseWriter, status int, code, message string) {
	JSON(w, status, map[string]string{"error": code, "message": message})
}
