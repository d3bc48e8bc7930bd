package schema_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/llmbench/llmbench/schema"
)

// large is a benchmark of 100,000 runs in which most arguments follow others.
const large = `
benchmark "large" {
  model    = model.maverick
  hardware = hardware.gb200x8

  tp             = 8
  ep             = 8
  max_num_tokens = each.max_batch_size * 2
  num_requests   = max(4000, 4 * each.concurrency)
  streaming      = true
  env            = { LEVEL = "INFO" }
  llm_api_options = {
    enable_attention_dp = true
    stream_interval     = each.interval
  }

  matrix {
    image          = [image.rc1, image.rc4]
    concurrency    = range(1, 501)
    max_batch_size = range(1, 11)
    axis "interval" {
      values = range(1, 6)
    }
  }
  use_case "chat" {}
  use_case "reasoning" {}
}
`

func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	base, err := os.ReadFile("testdata/base.hcl")
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"base.hcl": base, "main.hcl": []byte(large)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		defs, diags := schema.Load(dir, options())
		if len(diags) > 0 || len(defs.Cells) != 100_000 {
			b.Fatal(len(defs.Cells), diags)
		}
	}
}
