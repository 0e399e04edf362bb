// Package bucket is a Cloud Storage bucket on this machine: fake-gcs-server, with what it lacks in
// front of it. Reach it with STORAGE_EMULATOR_HOST.
package bucket

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Name is the name of the bucket.
const Name = "gemhook-results"

// A Server serves the bucket. It is safe for concurrent use.
type Server struct {
	*httptest.Server
	fake *fakestorage.Server

	mu          sync.Mutex
	createsOnly bool
	status      int
	corrupted   string
	sums        map[string]uint32 // CRC32C of each resumable upload so far
}

// Start serves an empty bucket on any free port of loopback, until Close.
func Start() (*Server, error) { return StartAt("127.0.0.1:0") }

// StartAt is Start on a given address.
func StartAt(address string) (*Server, error) {
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true})
	if err != nil {
		return nil, fmt.Errorf("start fake-gcs-server: %w", err)
	}
	fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: Name})
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("serve the bucket: %w", err)
	}
	s := &Server{fake: fake, sums: map[string]uint32{}}
	s.Server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(s.serve)}}
	s.Server.Start()
	return s, nil
}

// Host is the value for STORAGE_EMULATOR_HOST.
func (s *Server) Host() string { return strings.TrimPrefix(s.URL, "http://") }

// CreatesOnly has the server answer an upload to an object that exists with 403, as Cloud Storage
// does to an account that may create objects and not delete them.
func (s *Server) CreatesOnly() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.createsOnly = true
}

// Fail answers every request with an HTTP error status from the next one on; status 0 ends that.
func (s *Server) Fail(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// Corrupt changes the first letter of a text wherever it is in an upload from now on, as if the
// connection did. The empty text ends that.
func (s *Server) Corrupt(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corrupted = text
}

// Objects returns the content of each object by its name.
func (s *Server) Objects() (map[string]string, error) {
	list, err := s.fake.ListObjectsWithOptionsPaginated(Name, fakestorage.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list objects: %w", err)
	}
	contents := map[string]string{}
	for _, attrs := range list.Objects {
		object, err := s.fake.GetObject(Name, attrs.Name)
		if err != nil {
			return nil, fmt.Errorf("read object: %w", err)
		}
		contents[attrs.Name] = string(object.Content)
	}
	return contents, nil
}

// Names returns the names of the objects, sorted.
func (s *Server) Names() ([]string, error) {
	contents, err := s.Objects()
	var names []string
	for name := range contents {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, err
}

// Put stores an object, over any that is there.
func (s *Server) Put(name, content string) {
	s.fake.CreateObject(fakestorage.Object{
		ObjectAttrs: fakestorage.ObjectAttrs{BucketName: Name, Name: name}, Content: []byte(content),
	})
}

// Delete removes an object.
func (s *Server) Delete(name string) error {
	request := httptest.NewRequest(http.MethodDelete, "/storage/v1/b/"+Name+"/o/"+strings.ReplaceAll(name, "/", "%2F"), nil)
	answer := httptest.NewRecorder()
	s.fake.HTTPHandler().ServeHTTP(answer, request)
	if answer.Code >= 300 {
		return fmt.Errorf("delete object: status %d", answer.Code)
	}
	return nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status, createsOnly := s.status, s.createsOnly
	s.mu.Unlock()
	if status != 0 {
		http.Error(w, "The bucket is made to fail.", status)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/upload/") {
		if err := s.takeUpload(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	if !createsOnly || r.URL.Query().Get("ifGenerationMatch") == "" && r.URL.Query().Get("upload_id") == "" {
		s.fake.HTTPHandler().ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	s.fake.HTTPHandler().ServeHTTP(answer, r)
	if answer.Code == http.StatusPreconditionFailed {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":{"code":403,"message":"The account does not have storage.objects.delete access."}}`)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// takeUpload reads the body of an upload's request. It wants the checksum of a resumable upload,
// which comes with the last chunk, to be that of its bytes: fake-gcs-server compares only those that
// come with an object's metadata.
func (s *Server) takeUpload(r *http.Request) error {
	var content bytes.Buffer
	content.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead) // a chunk has megabytes
	if _, err := content.ReadFrom(r.Body); err != nil {
		return fmt.Errorf("read the upload: %w", err)
	}
	body := content.Bytes()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.corrupted != "" {
		body = bytes.ReplaceAll(body, []byte(s.corrupted), append([]byte{s.corrupted[0] ^ 1}, s.corrupted[1:]...))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	id, chunk := r.URL.Query().Get("upload_id"), r.Header.Get("Content-Range")
	if id == "" {
		return nil
	}
	s.sums[id] = crc32.Update(s.sums[id], castagnoli, body)
	if strings.HasSuffix(chunk, "/*") {
		return nil
	}
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, s.sums[id]))
	delete(s.sums, id)
	if r.Header.Get("X-Goog-Hash") != "crc32c="+sum {
		return errors.New("the checksum is another one, or missing")
	}
	return nil
}
