# What every block, argument, flag and function of the language means. `llmbench
# help NAME` prints an entry, docs/reference.md has them all. Tests hold the names
# and defaults against the code.

block "llmbench" {
  doc = "Settings of the definitions. At most one, not in included files."

  argument "required_version" {
    type    = "string"
    doc     = "Versions of llmbench that may read the definitions, as a list of constraints. Checked before anything else is read."
    example = "\">= 0.1, < 1.0\""
  }
  argument "store" {
    type    = "string"
    default = "\".llmbench\""
    doc     = "Directory that keeps attempts, results and data sets, relative to the definitions. Runs on Slurm need one on a file system that all nodes share. The flag -store takes precedence."
    example = "\"/lustre/bench/maverick\""
  }
  argument "group" {
    type = "string"
    doc  = "Unix group that owns what is written into the store, so that a team can share it."
  }
  argument "executor" {
    type    = "executor"
    doc     = "Executor of benchmarks that do not name one, such as a variable of the site. -executor and LLMBENCH_EXECUTOR take precedence."
    example = "var.executor"
  }
  argument "include" {
    type    = "list(string)"
    doc     = "Directories, relative to the definitions and in the same git work tree, whose model, hardware, image, use_case, executor, variable and locals blocks count as if they stood here. Written out, not computed; included directories include nothing themselves."
    example = "[\"../common\"]"
  }
}

block "policy" {
  doc = "Bounds and prices for every plan and apply of these definitions. At most one, not in included files."

  argument "max_gpu_hours" {
    type = "number"
    unit = "GPU-hours"
    doc  = "Refuse a plan whose runs could take more GPU-hours in all. During apply no job is started that could bring the total above it."
  }
  argument "max_run_gpu_hours" {
    type = "number"
    unit = "GPU-hours"
    doc  = "Refuse a plan with a run that could take more GPU-hours."
  }
  argument "gpu_hour_price" {
    type = "number"
    unit = "currency per GPU-hour"
    doc  = "Price per GPU-hour. Plans and results then show money too."
  }
  argument "currency" {
    type    = "string"
    doc     = "Currency of gpu_hour_price."
    example = "\"USD\""
  }
  argument "require_headroom" {
    type    = "share"
    range   = "0 or more"
    doc     = "Refuse time limits less than this share above the longest predicted time."
    example = "\"20%\""
  }
  argument "allow_declared_cells" {
    type    = "bool"
    default = "true"
    doc     = "Whether cells that a *.catalog.hcl beside the definitions declares may run. They are marked as declared by you, not supported."
  }
}

block "variable" {
  labels = ["NAME"]
  doc    = "A value that is set outside the definitions and read as var.NAME. In order of precedence it comes from -var, -var-file, *.auto.vars files beside the definitions, LLMBENCH_VAR_NAME, the environment variable that `env` names, and the default. A variable without a value is an error only where something that is used needs it."

  argument "type" {
    type    = "type"
    default = "any"
    doc     = "Type of the value: string, number, bool, list(…), map(…), object({…}) and so on."
  }
  argument "default" {
    type = "any"
    doc  = "Value where nothing sets the variable."
  }
  argument "description" {
    type = "string"
    doc  = "What the variable is for."
  }
  argument "env" {
    type    = "string"
    doc     = "Environment variable that sets the value."
    example = "\"SBATCH_ACCOUNT\""
  }
  argument "sensitive" {
    type    = "bool"
    default = "false"
    doc     = "The value is a secret. It may be used in `env` of a benchmark only, and is never hashed, printed, planned, logged or stored; jobs read it from a file that only the user can read."
  }
}

block "validation" {
  parent = "variable"
  doc    = "A rule that the value of the variable must meet."

  argument "condition" {
    type     = "bool"
    required = true
    doc      = "Expression that is true for a valid value."
    example  = "var.replicas > 0"
  }
  argument "error_message" {
    type     = "string"
    required = true
    doc      = "What the user reads where the condition is false."
  }
}

block "locals" {
  doc = "Named expressions, read as local.NAME. Any number of arguments of any names."
}

block "model" {
  labels = ["NAME"]
  doc    = "A model, read as model.NAME."

  argument "checkpoint" {
    type     = "string"
    required = true
    doc      = "Hugging Face id of the checkpoint."
    example  = "\"nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8\""
  }
  argument "revision" {
    type = "string"
    doc  = "Commit of the checkpoint on Hugging Face. Without one results carry the note unpinned_revision."
  }
  argument "path" {
    type = "string"
    doc  = "Absolute path of the weights on the nodes. `llmbench prepare` downloads them to it."
  }
  argument "quantization" {
    type     = "string"
    required = true
    doc      = "Quantization of the checkpoint."
    example  = "\"FP8\""
  }
}

block "hardware" {
  labels = ["NAME"]
  doc    = "A hardware target, read as hardware.NAME."

  argument "gpu" {
    type     = "string"
    required = true
    doc      = "GPU type, as in `llmbench catalog list`."
    example  = "\"GB200\""
  }
  argument "gpus" {
    type     = "number"
    required = true
    range    = "1 or more"
    doc      = "GPUs of one run."
  }
  argument "gpus_per_node" {
    type     = "number"
    required = true
    range    = "1 or more"
    doc      = "GPUs of one node: 4 on the compute tray of an NVL72. A run takes gpus / gpus_per_node whole nodes."
  }
}

block "image" {
  labels = ["NAME"]
  doc    = "A container image with TensorRT-LLM, read as image.NAME."

  argument "name" {
    type     = "string"
    required = true
    doc      = "Image reference with its tag. The file that nodes start is image_dir/tensorrt-llm+release+TAG.sqsh."
    example  = "\"nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1\""
  }
  argument "trtllm_version" {
    type = "string"
    doc  = "TensorRT-LLM version inside, where the tag does not say it."
  }
  argument "digest" {
    type = "string"
    doc  = "Digest of the image, sha256:…. Without one a moved tag is noticed only where `prepare` recorded the digest, and results carry the note unpinned_image."
  }
  argument "llm_api_options" {
    type = "object"
    doc  = "Options of TensorRT-LLM for all runs of this image, in the spelling of its version. See llm_api_options of benchmark."
  }
}

block "use_case" {
  labels = ["NAME"]
  doc    = "A traffic shape in tokens, or a data set of your own. Inside a benchmark, a block of the same type and name is a row: it may set any argument of the benchmark and have a matrix of its own."

  argument "isl" {
    type  = "number"
    unit  = "tokens"
    range = "1 or more"
    doc   = "Input sequence length: the mean length of prompts. Required unless dataset is set."
  }
  argument "osl" {
    type  = "number"
    unit  = "tokens"
    range = "1 or more"
    doc   = "Output sequence length: the mean number of output tokens per request. Required unless dataset is set."
  }
  argument "isl_stdev" {
    type    = "number"
    unit    = "tokens"
    default = "0"
    doc     = "Standard deviation of the prompt lengths."
  }
  argument "osl_stdev" {
    type    = "number"
    unit    = "tokens"
    default = "0"
    doc     = "Standard deviation of the output lengths."
  }
  argument "seed" {
    type    = "number"
    default = "420"
    doc     = "Seed of the generated requests."
  }
  argument "dataset" {
    type    = "string"
    doc     = "Data set of your own in trtllm-bench's JSON lines format, relative to the definitions, in place of isl and osl."
    example = "\"chat.jsonl\""
  }
}

block "benchmark" {
  labels = ["NAME"]
  doc    = "What to measure: rows (use_case blocks) times the matrix. Each combination is a run. Every flag of `trtllm-bench throughput` is an argument under its own name; the ones below are llmbench's own. A row or an axis overrides the benchmark."

  argument "model" {
    type     = "model"
    required = true
    doc      = "Model to measure. May be an axis."
    example  = "model.llama4_maverick"
  }
  argument "hardware" {
    type     = "hardware"
    required = true
    doc      = "Hardware target. May be an axis."
  }
  argument "image" {
    type     = "image"
    required = true
    doc      = "Image to measure. Two images in one matrix make a regression test."
  }
  argument "executor" {
    type    = "executor"
    doc     = "Executor that runs it, where several are declared. -executor and LLMBENCH_EXECUTOR take precedence."
    example = "executor.slurm.gb200"
  }
  argument "samples" {
    type    = "number"
    range   = "1 or more"
    default = "1"
    doc     = "How often each run is measured. Two or more give an interval, six or more one that can be compared well."
  }
  argument "precision" {
    type    = "share"
    doc     = "Take samples until the 95 % interval of output_throughput_per_gpu_tok_s is within this share of its median, up to max_samples."
    example = "\"2%\""
  }
  argument "max_samples" {
    type = "number"
    doc  = "Bound on the samples that precision may take. Required with precision."
  }
  argument "engine" {
    type    = "string"
    default = "fresh"
    doc     = "fresh loads the model for each sample, shared once for all samples of a job that agree in everything that makes the engine: see docs/engines.md. Part of what is measured: a fresh result satisfies a run that asks for shared, not the other way round."
    example = "\"shared\""
  }
  argument "request_log" {
    type    = "bool"
    default = "true with an slo, or with a search that judges latencies; else false"
    doc     = "Asks trtllm-bench for a record of each request (--request_json): when it began, had its first token and ended, and its lengths. They are checked against the report. Decoding and writing all output takes up to a minute for 4,000 requests of 8,000 tokens, which plan counts. Apply keeps the numbers as requests.csv and removes the output. Changes no fingerprint."
    example = "true"
  }
  argument "time_limit" {
    type     = "duration"
    required = true
    doc      = "Time limit of a run's job, rounded up to minutes for Slurm. Also the most that a run can cost."
    example  = "\"30m\""
  }
  argument "env" {
    type = "map(string)"
    doc  = "Environment variables of the benchmark. Sensitive variables may stand here only."
  }
  argument "llm_api_options" {
    type = "object"
    doc  = "Options of TensorRT-LLM that are not flags, in the spelling of the image's version. They become the --extra_llm_api_options file. Merged deeply: version < image < benchmark < row or axis."
  }
}

block "matrix" {
  parent = "benchmark"
  doc    = "A product of axes: each argument is a list of values of the benchmark argument of that name. At most one per benchmark and per row."
}

block "axis" {
  parent = "matrix"
  labels = ["NAME"]
  doc    = "An axis of values of your own, read as each.NAME."

  argument "values" {
    type     = "list or map"
    required = true
    doc      = "The values. The keys of a map become the labels in addresses."
    example  = "{ wideep = \"WIDEEP\", cutlass = \"CUTLASS\" }"
  }
}

block "exclude" {
  parent = "matrix"
  doc    = "Removes the runs that have all of these values. Arguments are names of axes or use_case, each with a value or a list. One that removes nothing, or everything, is an error."
}

block "slo" {
  parent = "benchmark"
  doc    = "Bounds what each request may take, for goodput and the share of requests within all bounds. An slo switches request_log on, and changes no fingerprint and no verdict: stored samples with records are judged by the bounds of now. A row may have one, which replaces that of its benchmark key by key."

  argument "ttft" {
    type    = "duration"
    doc     = "Longest time to first token. Needs streaming = true."
    example = "\"2s\""
  }
  argument "tpot" {
    type    = "duration"
    doc     = "Longest time per output token after the first. Needs streaming = true."
    example = "\"50ms\""
  }
  argument "latency" {
    type    = "duration"
    doc     = "Longest time from sending the request to its last token."
    example = "\"30s\""
  }
}

block "search" {
  parent = "benchmark"
  labels = ["LABEL"]
  doc    = "Finds the best run of each use case within bounds, and measures only what that takes. The runs of the matrix are the candidates. Any number per benchmark; all share the results. Apply measures in rounds, each chosen by the results so far, and stops when no other candidate is worth a run or the budget is spent. A label stands for one search: its rounds and what it has spent are kept in the store, also when the matrix changes."

  argument "maximize" {
    type    = "metric"
    doc     = "Metric to find the largest value of: a name of the metrics table, or a percentile such as ttft_ms_p99. Either this or minimize is required."
    example = "output_throughput_per_gpu_tok_s"
  }
  argument "minimize" {
    type    = "metric"
    doc     = "Metric to find the smallest value of."
    example = "avg_tpot_ms"
  }
  argument "max_runs" {
    type    = "number"
    range   = "1 or more"
    default = "all candidates"
    doc     = "How many candidates to measure at most, counting those that fail. This or max_gpu_hours is required. Further samples of a candidate are no further run."
  }
  argument "max_gpu_hours" {
    type  = "number"
    unit  = "GPU-hours"
    range = "more than 0"
    doc   = "What the search may cost, over all applies. A job counts its GPUs times its time limit while it may run, and times what it took once it has ended. By default what max_runs of the dearest candidates can cost."
  }
}

block "bound" {
  parent = "search"
  labels = ["METRIC"]
  doc    = "Limits a metric. Candidates outside are not the best, however good they are. One sample decides unless it is within two standard deviations of the bound; then up to three more are taken. Bounds on TTFT, TPOT and latency need a concurrency, and at least four requests for each that is in flight."

  argument "max" {
    type  = "number"
    range = "more than 0"
    doc   = "Largest value, in the unit of the metric."
  }
  argument "min" {
    type  = "number"
    range = "more than 0"
    doc   = "Smallest value, in the unit of the metric."
  }
}

executor "slurm" {
  doc = "Runs each job through sbatch on a Slurm cluster."

  argument "account" {
    type = "string"
    doc  = "Slurm account to charge (sbatch --account)."
  }
  argument "partition" {
    type = "string"
    doc  = "Partition, or a list separated by commas (sbatch --partition). Without one it is the cluster's default."
  }
  argument "qos" {
    type = "string"
    doc  = "Quality of service (sbatch --qos)."
  }
  argument "reservation" {
    type = "string"
    doc  = "Reservation (sbatch --reservation)."
  }
  argument "cluster" {
    type = "string"
    doc  = "Cluster to submit to, where one slurmdbd serves several (sbatch --clusters)."
  }
  argument "nodelist" {
    type = "string"
    doc  = "Nodes to use (sbatch --nodelist)."
  }
  argument "exclude" {
    type = "string"
    doc  = "Nodes to avoid (sbatch --exclude)."
  }
  argument "poll_interval" {
    type    = "duration"
    default = "\"1m\""
    range   = "1s or more"
    doc     = "How often apply asks Slurm about all jobs with one squeue. The end of a job is seen sooner, in its files."
  }
  argument "max_pending" {
    type = "duration"
    doc  = "Give up on a job that waits in the queue longer. Default: never."
  }
  argument "max_starting" {
    type    = "duration"
    default = "\"30m\""
    doc     = "Give up on a job that Slurm started but whose script does not run after this time."
  }
  argument "max_quiet" {
    type = "duration"
    doc  = "Cancel a job whose files have not grown for this long. Default: never; a long silence is a warning."
  }
  argument "startup" {
    type = "duration"
    doc  = "How long a job runs before it measures, for predicted times. Default: what was measured, else a prediction from the size of the weights. Where trtllm-bench has written no line after twice the longest of it, or 30 minutes where nothing is predicted, the job's processes are inspected (diagnosis.txt) and it keeps running."
  }
  argument "max_in_queue" {
    type    = "number"
    default = "8"
    range   = "1 or more"
    doc     = "Jobs that may be pending or running at the same time."
  }
  argument "commands_per_minute" {
    type  = "number"
    range = "1 or more"
    doc   = "Rate of Slurm commands. Default: three per poll_interval, but at least 12 per minute."
  }
  argument "retries" {
    type    = "number"
    default = "2"
    doc     = "New attempts after a failure of the infrastructure. Failures that would repeat are never retried."
  }
  argument "cpus_per_task" {
    type = "number"
    doc  = "CPUs per rank (sbatch --cpus-per-task). Part of the fingerprint."
  }
  argument "canary" {
    type    = "bool"
    default = "true"
    doc     = "Run the cheapest run of each image and model first, alone. A failure that all would share then costs one job."
  }
  argument "in_allocation" {
    type    = "bool"
    default = "false"
    doc     = "Run inside the allocation of the shell (salloc), one run after another, without sbatch."
  }
  argument "telemetry" {
    type    = "bool"
    default = "true"
    doc     = "Sample clocks, power, temperature and memory of the GPUs with nvidia-smi on each node."
  }
  argument "exclusive" {
    type    = "bool"
    default = "true"
    doc     = "Take whole nodes (sbatch --exclusive). Part of the fingerprint."
  }
  argument "segment" {
    type = "bool"
    doc  = "Keep the nodes of a job in one block of the topology, the NVLink domain of an NVL72 (sbatch --segment). Default: on where the partition's topology is block and Slurm is 24.05 or later."
  }
  argument "gpus_per_node_flag" {
    type    = "bool"
    default = "true"
    doc     = "Pass --gpus-per-node. Turn it off on clusters without GPU GRES, where --exclusive gives all GPUs."
  }
  argument "mpi" {
    type    = "string"
    default = "\"pmix\""
    doc     = "MPI type of the step (srun --mpi)."
  }
  argument "launcher" {
    type    = "list(string)"
    default = "[\"trtllm-llmapi-launch\", \"trtllm-bench\"]"
    doc     = "Command that starts the benchmark on every rank. [\"llmbench\", \"trtllm-bench\"] is the simulated stand-in, for rehearsals without GPUs."
  }
  argument "prolog" {
    type    = "list(string)"
    default = "[]"
    doc     = "Shell commands that run before the launcher, in the container. Part of the fingerprint."
  }
  argument "extra_args" {
    type    = "list(string)"
    default = "[]"
    doc     = "Further options of sbatch. Those that llmbench sets itself are refused."
  }
  argument "experiments_dir" {
    type = "string"
    doc  = "Directory in which logs are linked under the names of NVIDIA's recipe (experiments/…)."
  }
}

block "container" {
  parent = "slurm"
  doc    = "Run the benchmark in the image. Without this block it runs on the node itself."

  argument "runtime" {
    type    = "string"
    default = "\"pyxis\""
    doc     = "Container runtime: pyxis (srun --container-image)."
  }
  argument "image_dir" {
    type     = "string"
    required = true
    doc      = "Absolute path of the directory with the image files."
  }
  argument "mounts" {
    type    = "list(string)"
    default = "[]"
    doc     = "Further mounts, SOURCE:TARGET[:FLAGS]. The attempt's folder, the weights and the data set are mounted by llmbench."
  }
  argument "writable" {
    type    = "bool"
    default = "true"
    doc     = "Make the root file system of the container writable (--container-writable)."
  }
  argument "mount_home" {
    type    = "bool"
    default = "false"
    doc     = "Mount the home directory (--container-mount-home)."
  }
}

block "pack" {
  parent = "slurm"
  doc    = "Run several runs of the same shape one after another in one job, to wait in the queue once. Each keeps its own folder, time limit and result."

  argument "max_runs" {
    type    = "number"
    default = "8"
    range   = "1 or more"
    doc     = "Runs per job at most."
  }
  argument "max_time" {
    type    = "duration"
    default = "\"4h\""
    doc     = "Longest time limit of such a job."
  }
}

block "prepare" {
  parent = "slurm"
  doc    = "Let jobs without a GPU download weights and import images, where the login host must not."

  argument "partition" {
    type = "string"
    doc  = "Partition of these jobs. Default: that of the executor."
  }
  argument "time_limit" {
    type    = "duration"
    default = "\"4h\""
    range   = "1m or more"
    doc     = "Time limit of these jobs."
  }
}

executor "simulate" {
  doc = "Computes results from the performance model in place of measuring. Exists without being declared and takes no arguments; everything that it produces is marked SIMULATED."
}

# Flags of trtllm-bench that are arguments of benchmarks. Types, ranges, defaults
# and versions stand in schema/catalog/flags.hcl.

flag "log_level" {
  doc = "Level of trtllm-bench's own log."
}
flag "workspace" {
  doc = "Directory for trtllm-bench's intermediate files. Default: /tmp."
}
flag "sampler_options" {
  doc = "YAML file of sampling parameters, an absolute path that all nodes see."
}
flag "custom_module_dirs" {
  doc = "Directories of Python modules to import before the model is built."
}
flag "tp" {
  doc = "Tensor parallelism: GPUs that share each layer."
}
flag "pp" {
  doc = "Pipeline parallelism: groups of GPUs that hold successive layers. tp times pp is the number of GPUs."
}
flag "ep" {
  doc = "Expert parallelism: GPUs over which the experts of a mixture-of-experts model are spread. Divides tp."
}
flag "cluster_size" {
  doc = "Expert cluster parallelism."
}
flag "max_batch_size" {
  doc = "Requests that the engine may process at once: per rank with attention DP, else in all."
}
flag "max_num_tokens" {
  doc = "Tokens that the engine may process in one iteration, per rank with attention DP. Prompts that are longer need chunked context."
}
flag "max_seq_len" {
  doc = "Longest sequence, prompt and output together. Default: the longest of the data set."
}
flag "beam_width" {
  doc = "Beams of beam search."
}
flag "kv_cache_free_gpu_mem_fraction" {
  doc = "Share of the memory that is free after the weights are loaded that the KV cache may take."
}
flag "num_requests" {
  doc = "Requests to send. At least four times what runs at once makes ramp-up and drain a small part of the window."
}
flag "concurrency" {
  doc = "Requests in flight at most; -1 is no limit: all requests are sent at once, and TTFT and latency include the time that they wait."
}
flag "warmup" {
  doc = "Requests sent before the measurement."
}
flag "streaming" {
  doc = "Stream responses. Off: the report has no TTFT and no TPOT."
}
flag "target_input_len" {
  doc = "Mean prompt length for trtllm-bench's own choice of limits. Not used where max_batch_size and max_num_tokens are given."
}
flag "target_output_len" {
  doc = "Mean output length for trtllm-bench's own choice of limits. Not used where max_batch_size and max_num_tokens are given."
}
flag "eos_id" {
  doc = "Token that ends a response; -1 ignores it, so that each response has its full length."
}
flag "modality" {
  doc = "Modality of a multimodal data set."
}
flag "image_data_format" {
  doc = "How images are passed to the model."
}
flag "data_device" {
  doc = "Where images are loaded."
}
flag "max_input_len" {
  doc = "Longest prompt of a multimodal data set."
}
flag "no_skip_tokenizer_init" {
  doc = "Load the tokenizer in the engine."
}
flag "enable_chunked_context" {
  doc = "Split prompts over several iterations."
}
flag "scheduler_policy" {
  doc = "How the engine admits requests: guaranteed_no_evict reserves the KV cache of the whole response, max_utilization pauses requests when the cache is full."
}

function "abs" {
  use = "abs(number)"
  doc = "Absolute value."
}
function "ceil" {
  use = "ceil(number)"
  doc = "The next whole number up."
}
function "concat" {
  use = "concat(list, …)"
  doc = "One list of the elements of several."
}
function "contains" {
  use = "contains(list, value)"
  doc = "Whether a list has a value."
}
function "distinct" {
  use = "distinct(list)"
  doc = "The list without repeated elements."
}
function "flatten" {
  use = "flatten(list)"
  doc = "One list in place of lists in a list."
}
function "floor" {
  use = "floor(number)"
  doc = "The next whole number down."
}
function "format" {
  use = "format(string, value, …)"
  doc = "A string with values in place of verbs, as in Terraform: format(\"%02d\", 7)."
}
function "join" {
  use = "join(separator, list)"
  doc = "The strings of a list with a separator between them."
}
function "jsonencode" {
  use = "jsonencode(value)"
  doc = "The value as JSON."
}
function "keys" {
  use = "keys(map)"
  doc = "The keys of a map, sorted."
}
function "lookup" {
  use = "lookup(map, key, default)"
  doc = "The value of a key, or the default where the map has no such key."
}
function "lower" {
  use = "lower(string)"
  doc = "The string in lower case."
}
function "max" {
  use = "max(number, …)"
  doc = "The largest number: max(4000, 4 * each.concurrency)."
}
function "merge" {
  use = "merge(map, …)"
  doc = "One map of several; later ones take precedence."
}
function "min" {
  use = "min(number, …)"
  doc = "The smallest number."
}
function "range" {
  use = "range(start, end, step)"
  doc = "A list of numbers from start to before end."
}
function "tonumber" {
  use = "tonumber(value)"
  doc = "The value as a number."
}
function "tostring" {
  use = "tostring(value)"
  doc = "The value as a string."
}
function "upper" {
  use = "upper(string)"
  doc = "The string in upper case."
}
function "values" {
  use = "values(map)"
  doc = "The values of a map, in the order of its keys."
}

# Metrics of trtllm-bench's report. Units, columns and names in other documents
# stand in plan/trtllm/metric.go. The formulas are those of
# tensorrt_llm/bench/dataclasses/reporting.py and statistics.py.

metric "request_throughput_req_s" {
  formula = "requests / total latency"
  doc     = "Requests per second over the whole run. InferenceX and AIPerf: request throughput."
}
metric "system_output_throughput_tok_s" {
  formula = "output tokens of all requests / total latency"
  doc     = "Output tokens per second of all GPUs together. AIPerf: output token throughput."
}
metric "system_total_throughput_tok_s" {
  formula = "(input tokens + output tokens of all requests) / total latency"
  doc     = "Tokens per second, prompts included."
}
metric "total_latency_ms" {
  formula = "end of the last request - start of the first request"
  doc     = "Length of the measurement, ramp-up and drain included."
}
metric "avg_request_latency_ms" {
  formula = "mean over requests of (end - start)"
  doc     = "Time from sending a request to its last token. A request starts when it gets one of the `concurrency` places: with a limit, waiting for a place is not included; with concurrency = -1 all requests start at once, and waiting in the engine is. AIPerf: request latency."
}
metric "output_throughput_per_user_tok_s" {
  formula = "mean over requests of (output tokens / request latency)"
  doc     = "What one user sees, time to first token included. InferenceX's tok/s/user is 1 / TPOT instead: compare that with token_output_speed_tok_s."
}
metric "output_throughput_per_gpu_tok_s" {
  formula = "output tokens of all requests / total latency / (tp * pp)"
  doc     = "The recipe's figure of merit, and the vertical axis of a Pareto plot. InferenceX: tok/s/GPU, where it may count input tokens too: check which."
}
metric "avg_ttft_ms" {
  formula = "mean over requests of (first token - start)"
  doc     = "Time to first token, waiting in the engine included. Never compare a run with concurrency = -1 with one that has a limit. InferenceX and AIPerf: TTFT, measured at an HTTP client."
}
metric "avg_tpot_ms" {
  formula = "mean over requests of ((end - first token) / (output tokens - 1))"
  doc     = "Time per output token after the first. Does not apply where the output has one token. AIPerf: inter-token latency. InferenceX: TPOT."
}
metric "token_output_speed_tok_s" {
  formula = "mean over requests of ((output tokens - 1) / (end - first token))"
  doc     = "Output tokens per second of one request after the first token: InferenceX's tok/s/user (interactivity)."
}
metric "goodput_per_gpu_tok_s" {
  formula = "output tokens of the requests that met the slo and ended in the steady window / its length / GPUs"
  doc     = "What the GPUs deliver within the bounds of the `slo` block. AIPerf: goodput."
}
metric "goodput_per_gpu_req_s" {
  formula = "requests that met the slo and ended in the steady window / its length / GPUs"
  doc     = "Requests per second and GPU that met every bound of the `slo` block."
}
metric "within_slo_pct" {
  formula = "100 * requests that met the slo / requests, of those that ended in the steady window"
  doc     = "Share of requests that met every bound of the `slo` block. It changes no verdict."
}

metrics_introduction = <<-EOT
  All figures but those of an slo come from trtllm-bench's own report; llmbench computes
  none of these anew. With `request_log = true` it also reads the records of requests: that
  gives goodput, and the percentiles of the steady window, `steady_ttft_ms_p99` and the like.
  The opening burst is the requests that are sent before any has ended. The steady window
  begins when all of these have ended and ends when the last request is sent, and its
  requests are those that end inside it. The 95 % intervals come from the means of blocks
  of at least one median request latency; there is none below 3 blocks, and no p99 below 300
  requests. Where the load is never steady, goodput is of all requests, and a note says so.

  trtllm-bench sends the requests from inside the engine's process: there is no HTTP, no
  tokenization and no network in them. AIPerf and InferenceX measure at an HTTP client, so
  that their TTFT and latency are a little higher for the same engine.

  A run is measured `samples` times. A table shows the median of the samples, and with two
  or more the 95 % interval of the throughput per GPU. `n` is how many samples count:
  valid and suspect ones do, invalid and failed ones never become a number. Percentiles
  are over the requests of a sample, and a table shows the median over samples.

  What does not apply is empty: TTFT and TPOT exist with `streaming = true` only.
EOT
