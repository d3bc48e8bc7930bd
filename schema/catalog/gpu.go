package catalog

// A GPU is a kind of GPU as it stands in a node. Rates are peaks, dense; a rate
// that the GPU lacks is 0.
type GPU struct {
	Name         string `hcl:"name,label"`
	Architecture string `hcl:"architecture"` // hopper or blackwell
	// CPU is the architecture of the processors of its nodes as uname names it,
	// "" where nodes differ.
	CPU string `hcl:"cpu,optional"`
	// Domain says that NVLink joins the GPUs of several nodes.
	Domain bool `hcl:"domain,optional"`
	// MemoryBytes is what the driver reports, which is below what is marketed.
	MemoryBytes        int64   `hcl:"memory_bytes"`
	BandwidthBytesPerS float64 `hcl:"bandwidth_bytes_per_s"`
	// BF16, FP8 and FP4 are in FLOP/s.
	BF16 float64 `hcl:"bf16"`
	FP8  float64 `hcl:"fp8"`
	FP4  float64 `hcl:"fp4,optional"`
	// NVLinkBytesPerS is each way.
	NVLinkBytesPerS float64 `hcl:"nvlink_bytes_per_s"`
	TDPWatts        int     `hcl:"tdp_watts"`
	GPUsPerNode     int     `hcl:"gpus_per_node"`

	From string // the user's file that declares it, "" for a built-in one
}
