package runs

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A codec writes values as bytes, or reads them back: one function that visits
// the fields of a value serves both, so that the two cannot differ. What is read
// is not trusted: bad is set where it does not make sense, and values are then
// anything.
type codec struct {
	words   *words
	reading bool
	out     []byte
	in      string
	bad     bool
}

// words are texts that many values share. They are written as numbers. Words
// are only ever added, so that readers need no lock.
type words struct {
	list atomic.Pointer[[]string]
	// named holds trtllm.Arguments without values by their names.
	named sync.Map

	mu    sync.Mutex
	known map[string]int
}

func newWords(list []string) *words {
	w := &words{known: make(map[string]int, len(list))}
	for i, word := range list {
		w.known[word] = i
	}
	w.list.Store(&list)
	return w
}

func (w *words) number(word string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, ok := w.known[word]
	if !ok {
		n = len(*w.list.Load())
		more := append(*w.list.Load(), word)
		w.list.Store(&more)
		w.known[word] = n
	}
	return n
}

func (w *words) word(n int) (string, bool) {
	list := *w.list.Load()
	if n < 0 || n >= len(list) {
		return "", false
	}
	return list[n], true
}

// take is the next n bytes of what is read.
func (c *codec) take(n int) string {
	if n < 0 || n > len(c.in) {
		c.bad, c.in = true, ""
		return ""
	}
	s := c.in[:n]
	c.in = c.in[n:]
	return s
}

func (c *codec) whole(n *int64) {
	if !c.reading {
		c.out = binary.AppendVarint(c.out, *n)
		return
	}
	u, shift := uint64(0), 0
	for i := 0; i < len(c.in) && shift < 64; i++ {
		b := c.in[i]
		u |= uint64(b&0x7f) << shift
		if shift += 7; b < 0x80 {
			c.in = c.in[i+1:]
			*n = int64(u>>1) ^ -int64(u&1)
			return
		}
	}
	c.bad, c.in, *n = true, "", 0
}

func (c *codec) int(n *int) {
	v := int64(*n)
	c.whole(&v)
	*n = int(v)
}

// count visits the length of a list. Each element takes a byte at least, so that
// a damaged length costs no memory.
func (c *codec) count(n int) int {
	c.int(&n)
	if c.reading && (n < 0 || n > len(c.in)) {
		c.bad, c.in = true, ""
		return 0
	}
	return n
}

func (c *codec) bool(b *bool) {
	n := 0
	if *b {
		n = 1
	}
	c.int(&n)
	*b = n == 1
}

func (c *codec) float(f *float64) {
	if !c.reading {
		c.out = binary.LittleEndian.AppendUint64(c.out, math.Float64bits(*f))
		return
	}
	if s := c.take(8); s != "" {
		*f = math.Float64frombits(binary.LittleEndian.Uint64([]byte(s)))
	}
}

func (c *codec) text(s *string) {
	n := len(*s)
	c.int(&n)
	if c.reading {
		*s = c.take(n)
		return
	}
	c.out = append(c.out, *s...)
}

// word visits a text that many values share.
func (c *codec) word(s *string) {
	n := 0
	if !c.reading {
		n = c.words.number(*s)
	}
	c.int(&n)
	if c.reading {
		var ok bool
		if *s, ok = c.words.word(n); !ok {
			c.bad, c.in = true, ""
		}
	}
}

// time visits a time; it is read back in UTC.
func (c *codec) time(t *time.Time) {
	s, ns := t.Unix(), int64(t.Nanosecond())
	c.whole(&s)
	c.whole(&ns)
	if c.reading {
		*t = time.Unix(s, ns).UTC()
	}
}

// perhaps visits what may be nil.
func perhaps[T any](c *codec, p **T, visit func(*T)) {
	there := *p != nil
	c.bool(&there)
	if !there {
		*p = nil
		return
	}
	if c.reading {
		*p = new(T)
	}
	visit(*p)
}

// each visits the elements of a list; nil and empty lists stay what they are.
func each[T any](c *codec, l *[]T, visit func(*T)) {
	there := *l != nil
	c.bool(&there)
	if !there {
		*l = nil
		return
	}
	n := c.count(len(*l))
	if c.reading {
		*l = make([]T, 0, min(n, 64))
	}
	for i := range n {
		if c.reading {
			if c.bad {
				return
			}
			*l = append(*l, *new(T))
		}
		visit(&(*l)[i])
	}
}
