package page

import (
	"crypto/subtle"
	"net/http"
	"strings"
)

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if !p.fromHere(request) {
		http.Error(w, "this page is for its own address and origin alone", http.StatusForbidden)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		header.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(document)
	})
	mux.HandleFunc("GET /api/about", p.authorized(p.about))
	mux.HandleFunc("GET /api/events", p.authorized(p.events))
	mux.HandleFunc("GET /api/search", p.authorized(p.search))
	mux.HandleFunc("GET /api/records/{id}", p.authorized(p.detail))
	mux.HandleFunc("GET /api/records/{id}/curl", p.authorized(p.curl))
	mux.HandleFunc("POST /api/records/{id}/send", p.authorized(p.send))
	mux.ServeHTTP(w, request)
}

// fromHere reports whether a request names this server, and comes from no other page. A browser
// that follows a foreign link or frames the page says so by Sec-Fetch-Site.
func (p *Page) fromHere(request *http.Request) bool {
	if !p.hosts[request.Host] {
		return false
	}
	for _, origin := range request.Header.Values("Origin") {
		if origin != "http://"+request.Host {
			return false
		}
	}
	site := request.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin" || site == "none"
}

// authorized lets requests with the token through.
func (p *Page) authorized(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		token, bearer := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
		if !bearer || subtle.ConstantTimeCompare([]byte(token), []byte(p.token)) != 1 {
			http.Error(w, "open the page by the URL that was printed: it has the token", http.StatusUnauthorized)
			return
		}
		next(w, request)
	}
}
