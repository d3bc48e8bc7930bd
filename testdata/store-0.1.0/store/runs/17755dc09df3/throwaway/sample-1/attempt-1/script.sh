#!/bin/bash
# recipe/use_case=spread
# fingerprint 17755dc09df3ca469ef929248c9409fd6bcec7e6ae6febe3ab917c98326cb38c
# Runs in an attempt folder of llmbench's store and leaves its outcome there,
# the file "exit" last.
set -u
umask 077
export LC_ALL=C
job=$SLURM_JOB_ID
restarts=${SLURM_RESTART_COUNT:-0}

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# put NAME: standard input becomes the file NAME, whole or not at all.
put() {
  cat >".$1.$job.tmp" || return
  sync ".$1.$job.tmp" 2>/dev/null || sync
  mv -fT ".$1.$job.tmp" "$1" && { sync . 2>/dev/null || sync; }
}

refuse() { # CODE WHY
  echo "llmbench: this job leaves the attempt alone: $2" >&2
  printf '{"job_id":"%s","reason":"%s","time":"%s","end":true}\n' "$job" "$2" "$(now)" | put "refused.$job"
  exit "$1"
}

# assign FILE: exports the NAME=VALUE lines of FILE.
assign() {
  while IFS= read -r line; do
    case $line in [A-Za-z_]*=*) export "${line%%=*}=${line#*=}" ;; esac
  done <"$1"
}

# await PID: waits until a child has ended and leaves its status in rc. A trap cuts
# wait short; where bash then answers with the status of the trap's signal, or
# loses the child's (5.2 says -1), SIGTERM ended the child: the traps pass it on.
await() {
  rc=143
  while kill -0 "$1" 2>/dev/null; do
    wait "$1"
    rc=$?
  done
  local last
  wait "$1" 2>/dev/null
  last=$?
  [ "$last" -ne 127 ] && rc=$last
  case $rc in -* | 138 | 140) rc=143 ;; esac # 138 is USR1, 140 USR2
}

if ! [ -r attempt ]; then
  echo "llmbench: $(hostname) does not see the attempt folder $PWD; the store must be on a file system that all nodes share" >&2
  exit 79
fi
assign attempt
[ "$restarts" -gt 0 ] && refuse 78 "Slurm started it again"
[ -e cancelled ] && refuse 76 "it was cancelled"

# The claim: link(2) makes one job the owner of the attempt, and is whole as
# soon as it can be seen.
printf '{"job_id":"%s","restart_count":%s,"host":"%s","time":"%s","nonce":"%s","end":true}\n' \
  "$job" "$restarts" "$(hostname)" "$(now)" "$LLMBENCH_NONCE" | put "claim.$job"
if ! ln "claim.$job" claim 2>/dev/null && ! [ claim -ef "claim.$job" ]; then
  if [ -e claim ] || ! mkdir claim.d 2>/dev/null; then
    refuse 77 "another job has claimed it"
  fi
  cp "claim.$job" claim
fi

export HF_HUB_OFFLINE=1
unset HF_TOKEN HUGGING_FACE_HUB_TOKEN SLURM_TRES_PER_TASK
export TLLM_LOG_FIRST_RANK_ONLY=1
[ -r secrets ] && assign secrets

started=$(now)
began=$SECONDS
printf '{"job_id":"%s","host":"%s","nodes":"%s","time":"%s","end":true}\n' \
  "$job" "$(hostname)" "$SLURM_JOB_NODELIST" "$started" | put start

# What the job runs on. What cannot be had says why.
missing() { # WHY NAME…
  why=$1
  shift
  for name in "$@"; do printf 'missing.%s=%s\n' "$name" "$why"; done
}
observe() {
  printf 'zone=%s\nkernel=%s\n' "$(date +%z)" "$(uname -r)"
  printf 'slurm=%s\n' "$(scontrol --version | cut -d' ' -f2)"
  image=''
  if [ -z "$image" ]; then
    missing "the run has no container" image_path image_digest image_sha256
  else
    printf 'image_path=%s\n' "$image"
    if [ -r "$image.sha256" ]; then
      printf 'image_sha256=%s\n' "$(cut -c1-64 "$image.sha256")"
    else
      missing "there is no $image.sha256" image_sha256
    fi
    if [ -r "$image.digest" ]; then
      printf 'image_digest=%s\n' "$(tr '\n' ' ' <"$image.digest")"
    else
      missing "there is no $image.digest" image_digest
    fi
  fi
  weights=${LLMBENCH_MODEL_PATH:-}
  if [ -r "$weights/config.json" ]; then
    printf 'checkpoint_sha256=%s\n' "$(cd "$weights" && { cat config.json hf_quant_config.json ./*.index.json; stat -Lc '%n %s' ./*.safetensors; } | sha256sum | cut -c1-64)"
  else
    missing "the job cannot read config.json in the model's path" checkpoint_sha256
  fi
  if ! command -v nvidia-smi >/dev/null; then
    missing "nvidia-smi is not on $(hostname)" gpu_name driver cuda clocks power_cap_w telemetry
    return
  fi
  gpu=$(nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit,clocks.max.mem --format=csv,noheader,nounits | head -n 1)
  printf 'gpu=%s\n' "$gpu"
  [ -n "$gpu" ] || missing "nvidia-smi names no GPU on $(hostname)" gpu_name driver clocks power_cap_w
  cuda=$(nvidia-smi | sed -n 's/.*CUDA Version: *\([0-9.]*\).*/\1/p' | head -n 1)
  printf 'cuda=%s\n' "$cuda"
  [ -n "$cuda" ] || missing "nvidia-smi does not print it" cuda
}
observe 2>/dev/null | put observed

if command -v nvidia-smi >/dev/null; then
  srun --overlap --nodes=2 --ntasks=2 --ntasks-per-node=1 --mpi=none --mem=0 --input=none --output=telemetry.%N.csv --error=/dev/null --gpus-per-node=4 nvidia-smi --query-gpu=timestamp,index,clocks.sm,clocks.mem,power.draw,temperature.gpu,clocks_throttle_reasons.active,memory.used --format=csv,noheader,nounits -l 5 &
  sampler=$!
fi

signal=
stop() {
  signal=$1
  [ -n "${step:-}" ] && kill -TERM "$step" 2>/dev/null
}
trap 'stop TERM' TERM
trap 'stop INT' INT
trap 'stop USR1' USR1

command=(
  srun
  --nodes=2
  --ntasks=8
  --ntasks-per-node=4
  --gpus-per-node=4
  --cpus-per-task=2
  --mem=0
  --mpi=pmix
  --kill-on-bad-exit=1
  --output=stdout
  --error=stderr
  bash
  -c
  'ulimit -l unlimited || true &&
export TLLM_PROLOG='\''it ran'\'' &&
exec "$@"'
  prolog
  trtllm-llmapi-launch
  bash
  -c
  '"$@"; rc=$?; case ${SLURM_PROCID:-0} in 0) echo "$rc" >.bench_exit.tmp && mv -f .bench_exit.tmp bench_exit ;; esac; exit "$rc"'
  bench
  trtllm-bench
  --model
  nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8
  --model_path
  /srv/weights
  throughput
  --backend
  pytorch
  --extra_llm_api_options
  config.yml
  --tp
  8
  --pp
  1
  --ep
  8
  --max_batch_size
  128
  --max_num_tokens
  8192
  --max_seq_len
  58
  --kv_cache_free_gpu_mem_fraction
  0.85
  --dataset
  dataset.jsonl
  --num_requests
  16
  --concurrency
  0
  --warmup
  2
  --streaming
  --scheduler_policy
  guaranteed_no_evict
  --report_json
  report.json
)
"${command[@]}" &
step=$!

# trtllm-llmapi-launch can wait for ever once trtllm-bench has failed: when that
# has ended and the step has not, the step is stopped.
(
  until [ -s bench_exit ]; do
    sleep 2
    kill -0 "$step" 2>/dev/null || exit
  done
  sleep "${LLMBENCH_SHUTDOWN_GRACE:-120}"
  kill -0 "$step" 2>/dev/null && : >.stopped && kill -TERM "$step"
) &
watcher=$!
await "$step"

[ -n "${sampler:-}" ] && kill "$sampler" 2>/dev/null
pkill -P "$watcher" 2>/dev/null # the sleep inside; without pkill Slurm ends it with the job
kill "$watcher" 2>/dev/null

# NCCL names its version in the log where it is asked to.
nccl=$(cat stdout stderr 2>/dev/null | head -c 20000000 | grep -m 1 -o 'NCCL version [0-9][0-9.]*' | cut -d' ' -f3)
{
  cat observed
  if [ -n "$nccl" ]; then printf 'nccl=%s\n' "$nccl"; else missing "the log does not name it: NCCL_DEBUG=VERSION in env makes NCCL do so" nccl; fi
} 2>/dev/null | put observed

reason=
[ -e .stopped ] && reason="the launcher did not end after trtllm-bench had"
if [ -n "$signal" ]; then
  reason=cancelled
  [ $((SECONDS - began)) -ge $((300 - 5)) ] && reason=time_limit
fi
bench=null
[ -s bench_exit ] && bench=$(tr -cd 0-9 <bench_exit)
report=null
written=
if [ -s report.json ]; then
  written=$(date -u -r report.json +%Y-%m-%dT%H:%M:%S.%NZ)
  sync report.json 2>/dev/null || sync
  report=$(printf '{"bytes":%s,"sha256":"%s"}' "$(stat -c %s report.json)" "$(sha256sum report.json | cut -d' ' -f1)")
fi
printf '{"job_id":"%s","restart_count":%s,"rc":%s,"bench_rc":%s,"signal":"%s","reason":"%s","started":"%s","ended":"%s","report":%s,"report_written":"%s","end":true}\n' \
  "$job" "$restarts" "$rc" "$bench" "$signal" "$reason" "$started" "$(now)" "$report" "$written" | put exit
exit "$rc"
