package standin

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// The sizes of a page of the list.
const (
	defaultPage = 50
	maxPage     = 1000
)

// page returns a page of the list and the token of the next one, which is empty for the last.
func (s *Server) page(size, token string) ([]*webhook, string, error) {
	n := defaultPage
	if size != "" {
		var err error
		if n, err = strconv.Atoi(size); err != nil || n < 0 {
			return nil, "", invalid("The value %q of page_size is not a number from 0 to %d.", size, maxPage)
		}
		if n == 0 {
			n = defaultPage
		}
		n = min(n, maxPage)
	}
	after, err := parsePageToken(token)
	if err != nil {
		return nil, "", err
	}
	var page []*webhook
	for _, w := range s.webhooks {
		if w.number <= after {
			continue
		}
		if len(page) == n {
			return page, pageToken(page[n-1].number), nil
		}
		page = append(page, w)
	}
	return page, "", nil
}

const pageTokenPrefix = "after:"

func pageToken(after int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(pageTokenPrefix + strconv.Itoa(after)))
}

func parsePageToken(token string) (after int, err error) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	number, ok := strings.CutPrefix(string(text), pageTokenPrefix)
	if err == nil && ok {
		if after, err = strconv.Atoi(number); err == nil {
			return after, nil
		}
	}
	return 0, invalid("The page_token is not one of this list.")
}
