package catalog

// owned are the flags of trtllm-bench that llmbench sets, each with a sentence
// that says why.
var owned = map[string]string{
	"backend":               "llmbench always measures the PyTorch backend.",
	"config":                "It is another name of --extra_llm_api_options, and the options file is written from llm_api_options.",
	"dataset":               "The data set comes from the use_case block.",
	"engine_dir":            "It belongs to the TensorRT backend, and llmbench measures the PyTorch backend.",
	"extra_llm_api_options": "The options file is written from llm_api_options.",
	"iteration_log":         "llmbench places the files of a run itself.",
	"model":                 "The name comes from the argument checkpoint of the model block.",
	"model_path":            "The weights come from the argument path of the model block.",
	"output_json":           "llmbench places the files of a run itself.",
	"report_json":           "llmbench places the report itself and reads it.",
	"request_json":          "llmbench places the files of a run itself.",
}

// OwnedFlag says why llmbench sets a flag of trtllm-bench itself, in one
// sentence, and whether it does.
func OwnedFlag(name string) (reason string, ok bool) {
	reason, ok = owned[name]
	return reason, ok
}
