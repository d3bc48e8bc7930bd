package trtllm

import "regexp"

// token matches what gives itself away as a secret: access tokens of Hugging
// Face, NGC, GitHub and OpenAI, and what stands behind Bearer.
var token = regexp.MustCompile(`\b(?:hf_[A-Za-z0-9]{16,}|nvapi-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,})|\bBearer +[A-Za-z0-9._~+/-]{8,}=*`)

// Redact hides the access tokens that a log holds.
func Redact(log []byte) []byte { return token.ReplaceAll(log, []byte("(secret)")) }
