package inspect

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"sync"
)

// Limits are how much a log holds; it forgets the oldest records. A nil *Limits is the zero Limits.
type Limits struct {
	Records int // 0 means 2,000
	Bytes   int // of payloads, about; 0 means 128 MiB
}

// A Log holds the latest records. It is safe for concurrent use. Records that it returns are not to
// be changed.
type Log struct {
	limits Limits

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	version uint64
	added   uint64
	bytes   int
	records []*Record // oldest first
	byID    map[string]*Record
}

// NewLog returns an empty log.
func NewLog(limits *Limits) *Log {
	l := &Log{limits: Limits{Records: 2000, Bytes: 128 << 20}, changed: make(chan struct{}), byID: map[string]*Record{}}
	if limits != nil && limits.Records > 0 {
		l.limits.Records = limits.Records
	}
	if limits != nil && limits.Bytes > 0 {
		l.limits.Bytes = limits.Bytes
	}
	return l
}

// Add adds a record as the newest and returns its new id.
func (l *Log) Add(record Record) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add(record)
}

func (l *Log) add(record Record) string {
	l.added++
	r := record.clone()
	r.ID = strconv.FormatUint(l.added, 10)
	l.records = append(l.records, r)
	l.bytes += r.size()
	l.put(len(l.records)-1, r)
	for len(l.records) > 1 && (len(l.records) > l.limits.Records || l.bytes > l.limits.Bytes) {
		oldest := l.records[0]
		l.bytes -= oldest.size()
		delete(l.byID, oldest.ID)
		l.records[0], l.records = nil, l.records[1:]
	}
	return r.ID
}

// Update changes every record for which match is true, and returns how many those were. Both
// functions are called with the log locked, so neither may call it.
func (l *Log) Update(match func(*Record) bool, change func(*Record)) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.update(match, change)
}

// UpdateOrAdd is like Update, and adds a record if match is true for none. Both are one step: no
// other change comes between.
func (l *Log) UpdateOrAdd(match func(*Record) bool, change func(*Record), record Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.update(match, change) == 0 {
		l.add(record)
	}
}

func (l *Log) update(match func(*Record) bool, change func(*Record)) int {
	found := 0
	for i, r := range l.records {
		if !match(r) {
			continue
		}
		found++
		changed := r.clone()
		change(changed)
		changed.ID = r.ID
		l.bytes += changed.size() - r.size()
		l.put(i, changed)
	}
	return found
}

// put stores a record under a new version, and wakes those who watch.
func (l *Log) put(i int, r *Record) {
	l.version++
	r.Version = l.version
	l.records[i], l.byID[r.ID] = r, r
	close(l.changed)
	l.changed = make(chan struct{})
}

// Get returns the record of an id, or nil.
func (l *Log) Get(id string) *Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byID[id]
}

// List returns all records, oldest first.
func (l *Log) List() []*Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// Watch yields every record that changed after a version, in the order of their last changes, until
// ctx ends. After version 0 that is every record. Of several quick changes to one record it may
// yield only the last.
func (l *Log) Watch(ctx context.Context, after uint64) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		for {
			fresh, changed := l.since(after)
			for _, r := range fresh {
				if !yield(r) {
					return
				}
				after = r.Version
			}
			if len(fresh) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (l *Log) since(version uint64) ([]*Record, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []*Record
	if l.version > version {
		for _, r := range l.records {
			if r.Version > version {
				fresh = append(fresh, r)
			}
		}
	}
	slices.SortFunc(fresh, func(a, b *Record) int {
		if a.Version < b.Version {
			return -1
		}
		return 1
	})
	return fresh, l.changed
}

// ByID matches the record of an id.
func ByID(id string) func(*Record) bool { return func(r *Record) bool { return r.ID == id } }
