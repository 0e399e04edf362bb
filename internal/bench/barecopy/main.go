// Command barecopy is what the collection of a batch is compared with: on each POST of /ID it
// copies the file of batch ID from Gemini into the bucket, with the clients that the collector
// uses, and does nothing else.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/objects"
)

func main() {
	bucket, err := objects.Open(context.Background(), os.Getenv("GEMHOOK_RESULTS_BUCKET"))
	if err != nil {
		log.Fatal(err)
	}
	gemini := geminiapi.New(os.Getenv("GEMHOOK_API_KEYS"), &geminiapi.Options{BaseURL: os.Getenv("GOOGLE_GEMINI_BASE_URL")})
	mux := http.NewServeMux() // packages that come with the clients add to the default one
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a copy") })
	mux.HandleFunc("POST /{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := copyFile(r.Context(), gemini, bucket, r.PathValue("id")); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"), mux))
}

func copyFile(ctx context.Context, gemini *geminiapi.Client, bucket *objects.Bucket, id string) error {
	download, err := gemini.Download(ctx, "files/batch-"+id)
	if err != nil {
		return err
	}
	defer download.Body.Close()
	w := bucket.Create(ctx, "copies/"+id, "application/jsonl", nil)
	defer w.Abort()
	if _, err := io.Copy(w, download.Body); err != nil {
		return err
	}
	_, err = w.Commit()
	return err
}
