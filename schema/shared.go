package schema

import "iter"

// Shared is a map by name of which most is common to many cells: it takes
// memory for what is a cell's own. It cannot be changed.
type Shared[V any] struct {
	common *map[string]V
	own    []ownValue[V]
}

// An ownValue takes the place of what is common; it may say that there is
// nothing.
type ownValue[V any] struct {
	name  string
	value V
	gone  bool
}

// Get returns the value of a name; ok is false and the value zero where there
// is none.
func (s Shared[V]) Get(name string) (value V, ok bool) {
	for i := range s.own {
		if o := &s.own[i]; o.name == name {
			return o.value, !o.gone
		}
	}
	if s.common != nil {
		value, ok = (*s.common)[name]
	}
	return value, ok
}

// At is the value of a name, zero where there is none.
func (s Shared[V]) At(name string) V {
	value, _ := s.Get(name)
	return value
}

// Own ranges over what is not common, in the order in which versions list flags.
func (s Shared[V]) Own() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, o := range s.own {
			if !o.gone && !yield(o.name, o.value) {
				return
			}
		}
	}
}

// All ranges over names and values in no order.
func (s Shared[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, o := range s.own {
			if !o.gone && !yield(o.name, o.value) {
				return
			}
		}
		if s.common == nil {
			return
		}
		for name, v := range *s.common {
			if !s.replaces(name) && !yield(name, v) {
				return
			}
		}
	}
}

func (s Shared[V]) replaces(name string) bool {
	for i := range s.own {
		if s.own[i].name == name {
			return true
		}
	}
	return false
}
