package catalog

// OwnedFlag says why llmbench sets a flag of trtllm-bench itself, in one
// sentence, and whether it does.
func (c *Catalog) OwnedFlag(name string) (reason string, ok bool) {
	for _, v := range c.Versions {
		if f, has := v.Flag(name); has {
			return f.Ours, f.Ours != ""
		}
	}
	return "", false
}
