package standin

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/retry"
)

// mediaPath begins the paths that downloads are redirected to.
const mediaPath = "/media/"

// A File is a file with results, and what goes wrong when it is downloaded.
type File struct {
	Open        func() io.Reader // its content, the same each time
	Size        int64            // of the content in bytes; negative: downloads have no Content-Length
	ContentType string           // empty means "application/octet-stream"

	Gone        bool          // it has been deleted
	Unavailable int           // how many downloads are answered 503 before one succeeds
	RetryAfter  time.Duration // in the answers with 503; 0: none
	CutAt       int64         // after how many bytes the connection breaks; 0: it does not
	Cuts        int           // how many downloads break; 0: all
	Pause       time.Duration // before each piece of 32 KiB
	RedirectTo  string        // base URL that downloads are redirected to: this server by another name; empty: by the same
}

// AddFile adds a file under a name such as "files/abc", or replaces the one with that name.
func (s *Server) AddFile(name string, f File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs.files == nil {
		s.jobs.files, s.jobs.fetched = map[string]*File{}, map[string]int{}
	}
	s.jobs.files[strings.TrimPrefix(name, "files/")] = &f
}

// Downloads returns how many downloads of a file there were, failed ones included.
func (s *Server) Downloads(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs.fetched[strings.TrimPrefix(name, "files/")]
}

// serveFile redirects a download to the content of the file, as Google does.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	id, isDownload := strings.CutSuffix(r.PathValue("id"), ":download")
	if !isDownload || r.FormValue("alt") != "media" {
		writeError(w, &apiError{code: http.StatusNotFound, message: "No such method."})
		return
	}
	if err := s.admit(r); err != nil {
		writeError(w, asAPIError(err))
		return
	}
	file, err := s.startDownload(id)
	if err != nil {
		if file != nil && file.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(file.RetryAfter/time.Second)))
		}
		writeError(w, asAPIError(err))
		return
	}
	http.Redirect(w, r, file.RedirectTo+mediaPath+id, http.StatusFound)
}

// startDownload counts a download and returns its file, or the error to answer.
func (s *Server) startDownload(id string) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := s.jobs.files[id]
	if file == nil || file.Gone {
		return nil, &apiError{code: http.StatusForbidden,
			message: "You do not have permission to access the File " + id + " or it may not exist."}
	}
	s.jobs.fetched[id]++
	if file.Unavailable > 0 {
		file.Unavailable--
		return file, &apiError{code: http.StatusServiceUnavailable, message: "The service is currently unavailable."}
	}
	return file, nil
}

// serveMedia sends the content of a file. It asks for no key: the URL is meant to be secret.
func (s *Server) serveMedia(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	shared := s.jobs.files[r.PathValue("id")]
	var file File
	if shared != nil {
		file = *shared
		if shared.CutAt > 0 && shared.Cuts > 0 {
			if shared.Cuts--; shared.Cuts == 0 {
				shared.CutAt = 0
			}
		}
	}
	s.mu.Unlock()
	if shared == nil {
		http.NotFound(w, r)
		return
	}
	if file.ContentType == "" {
		file.ContentType = "application/octet-stream"
	}
	w.Header().Set("Content-Type", file.ContentType)
	if file.Size >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(file.Size, 10))
	}
	content := file.Open()
	if file.CutAt > 0 {
		content = io.LimitReader(content, file.CutAt)
	}
	if file.Pause > 0 {
		content = &trickle{content, file.Pause, r}
	}
	_, _ = io.Copy(w, content)
	if file.CutAt > 0 {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// trickle reads a piece after each pause.
type trickle struct {
	io.Reader
	pause   time.Duration
	request *http.Request
}

func (t *trickle) Read(p []byte) (int, error) {
	if err := retry.Wait(t.request.Context(), t.pause); err != nil {
		return 0, err
	}
	return t.Reader.Read(p[:min(len(p), 32<<10)])
}

func asAPIError(err error) *apiError {
	if told := (*apiError)(nil); errors.As(err, &told) {
		return told
	}
	return &apiError{code: http.StatusInternalServerError, message: "Internal error."}
}
