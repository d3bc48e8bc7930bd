package catalog

import "testing"

func TestLoad(t *testing.T) { Load() }
