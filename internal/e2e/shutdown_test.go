package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSIGTERMFinishesRunningDeliveries has Cloud Run stop an instance in the middle of a delivery:
// the delivery is answered and its message published, and then the process ends.
func TestSIGTERMFinishesRunningDeliveries(t *testing.T) {
	t.Parallel()
	b, g := newProject(t), newGemini(t)
	p := startProcess(t, environment(b, g, nil))
	d := newSigned(t, g)

	connection, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: receiver\r\nExpect: 100-continue\r\n")
	if err := d.Header.Write(connection); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "Content-Length: %d\r\n\r\n", len(d.Body))
	answers := bufio.NewReader(connection)
	// The receiver has begun to read the body when this comes.
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("read %q, %v, want 100 Continue", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Write(d.Body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the delivery is cut off: %v", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("answered %d, want 200", response.StatusCode)
	}
	if messages := b.received(topicID, 1); len(messages) != 1 {
		t.Errorf("%d messages on the topic, want one", len(messages))
	}
	if state := p.Wait(); !state.Success() {
		t.Errorf("the process ended with %s, want success", state)
	}
}
