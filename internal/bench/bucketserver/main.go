// Command bucketserver is a Cloud Storage bucket for benchmarks. Resumable uploads are counted and
// checked, and their content is dropped; everything else goes to fake-gcs-server.
//
// That server takes an MD5 of the whole object at each chunk, which makes an upload of 1 GiB take
// two minutes: no difference between two uploaders would show.
package main

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/gemhook/gemhook/internal/testkit/bucket"
)

func main() {
	fake, err := bucket.Start()
	if err != nil {
		log.Fatal(err)
	}
	s := &server{fake: fake.Config.Handler, uploads: map[string]*upload{}}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"), s))
}

// A server takes uploads. It is safe for concurrent use.
type server struct {
	fake http.Handler

	mu      sync.Mutex
	uploads map[string]*upload
}

// An upload is a resumable one that has begun. Its chunks come one after the other.
type upload struct {
	name, contentType string
	size              int64
	crc32c            uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/":
		fmt.Fprintln(w, "a bucket") // for those who wait until this program is up
	case r.Method == http.MethodPost && query.Get("uploadType") == "resumable":
		s.begin(w, r, query.Get("name"))
	case query.Get("upload_id") != "":
		s.take(w, r, query.Get("upload_id"))
	default:
		s.fake.ServeHTTP(w, r)
	}
}

func (s *server) begin(w http.ResponseWriter, r *http.Request, name string) {
	s.mu.Lock()
	id := strconv.Itoa(len(s.uploads) + 1)
	s.uploads[id] = &upload{name: name, contentType: r.Header.Get("X-Upload-Content-Type")}
	s.mu.Unlock()
	w.Header().Set("Location", "http://"+r.Host+r.URL.Path+"?upload_id="+id)
}

// take takes a chunk, and answers the last one with the object.
func (s *server) take(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.Lock()
	u := s.uploads[id]
	s.mu.Unlock()
	if u == nil {
		http.NotFound(w, r)
		return
	}
	if _, err := io.CopyBuffer(u, r.Body, make([]byte, 1<<20)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", u.size-1))
		w.Header().Set("X-Http-Status-Code-Override", "308") // as the Go client asks for it
		return
	}
	checksum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, u.crc32c))
	if declared := r.Header.Get("X-Goog-Hash"); !strings.Contains(declared, "crc32c="+checksum) {
		http.Error(w, "The checksum is another one.", http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"kind": "storage#object", "bucket": bucket.Name, "name": u.name, "contentType": u.contentType,
		"size": strconv.FormatInt(u.size, 10), "crc32c": checksum, "generation": "1", "metageneration": "1",
	})
}

// Write counts a piece.
func (u *upload) Write(p []byte) (int, error) {
	u.size += int64(len(p))
	u.crc32c = crc32.Update(u.crc32c, castagnoli, p)
	return len(p), nil
}
