package schema

import "github.com/hashicorp/hcl/v2/hclwrite"

// Format returns src in canonical layout. What cannot be parsed is laid out as
// well as its tokens allow; no byte of meaning changes.
func Format(src []byte) []byte { return hclwrite.Format(src) }
