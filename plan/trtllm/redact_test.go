package trtllm

import "testing"

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"token hf_abcdefghijklmnopqrst is wrong":        "token (secret) is wrong",
		"Authorization: Bearer eyJhbGciOi.J9.abc-_=":    "Authorization: (secret)",
		"NGC nvapi-ABCDEFGHIJKLMNOPQRST":                "NGC (secret)",
		"hf_hub_download failed, see hf_transfer":       "hf_hub_download failed, see hf_transfer",
		"Per GPU Output Throughput (tps/gpu): 875.0012": "Per GPU Output Throughput (tps/gpu): 875.0012",
	} {
		if got := string(Redact([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
