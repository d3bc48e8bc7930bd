#!/bin/bash
# @NAME@
# Runs in a job's folder of llmbench's store and leaves its outcome there, the file
# "exit" last. The folder of a job of one run is that of its attempt. A job of several
# starts this script again for each of them, one after another, in its attempt's folder.
@COMMON@

export HF_HUB_OFFLINE=1 TRTLLM_NO_USAGE_STATS=1
unset HF_TOKEN HUGGING_FACE_HUB_TOKEN SLURM_TRES_PER_TASK
@KEEPER@
started=$(now)
began=$SECONDS
printf '{"job_id":"%s","host":"%s","nodes":"%s","time":"%s","end":true}\n' \
  "$job" "$(hostname)" "$SLURM_JOB_NODELIST" "$started" | put start

# A signal is passed on to the process that is waited for.
signal=
child=
stop() {
  signal=$1
  [ -n "$child" ] && kill -TERM "$child" 2>/dev/null
}
trap 'stop TERM' TERM
trap 'stop INT' INT
trap 'stop USR1' USR1

@RUNS@

# What the job runs on. What cannot be had says why.
missing() { # WHY NAME…
  why=$1
  shift
  for name in "$@"; do printf 'missing.%s=%s\n' "$name" "$why"; done
}
# blocks: those of the topology that the nodes of this job are in.
blocks() {
  local topology name nodes
  topology=$(scontrol -o show partition "$SLURM_JOB_PARTITION" | sed -n 's/.* Topology=\([^ ]*\).*/\1/p')
  scontrol show topology ${topology:+"$topology"} | sed -n 's/^BlockName=\([^ ]*\) .*Nodes=\([^ ]*\).*/\1 \2/p' |
    while read -r name nodes; do
      scontrol show hostnames "$nodes" | grep -qxF "$(scontrol show hostnames "$SLURM_JOB_NODELIST")" && printf '%s ' "$name"
    done
}
observe() {
  printf 'zone=%s\nkernel=%s\n' "$(date +%z)" "$(uname -r)"
  printf 'slurm=%s\n' "$(scontrol --version | cut -d' ' -f2)"
  if [ "${SLURM_JOB_NUM_NODES:-1}" -gt 1 ]; then printf 'placement=%s\nsegment=%s\n' "$(blocks)" @SEGMENT@; fi
  image=@IMAGE@
  if [ -z "$image" ]; then
    missing "the run has no container" image_path image_file image_digest image_sha256
  else
    printf 'image_path=%s\n' "$image"
    if [ -r "$image" ]; then
      printf 'image_file=%s\n' "$(@IMAGEFILE@)"
    else
      missing "the job cannot read $image" image_file
    fi
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
    printf 'checkpoint_sha256=%s\n' "$(@CHECKPOINT@)"
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

# ticker: counts the seconds for which this job was suspended, by a clock that
# nobody sets, and prints them when it is ended.
ticker() {
  local last now sum=0
  trap 'echo "$sum"; exit' TERM INT USR1
  read -r last _ </proc/uptime
  while :; do
    sleep 1 &
    wait "$!"
    read -r now _ </proc/uptime
    [ $((${now%.*} - ${last%.*})) -gt 5 ] && sum=$((sum + ${now%.*} - ${last%.*} - 1))
    last=$now
  done
}

# redact: takes the values of secrets out of all that is left here, the longest
# first, and lets others read it.
redact() {
  local values program file
  values=$(sed 's/^[^=]*=//; /....../!d' secrets | awk '{ print length, $0 }' | sort -rn | cut -d' ' -f2-)
  program=$(sed 's/[][\\.*^$/]/\\&/g; s|.*|s/&/(secret)/g|' <<<"$values")
  while IFS= read -r -d '' file; do
    if [ -n "$values" ] && grep -qaF -f <(printf '%s\n' "$values") "$file"; then
      sed -f <(printf '%s\n' "$program") "$file" >.redacted || return
      cat .redacted >"$file" || return
      rm -f .redacted
    fi
    chmod "$(printf %o $((mode & 8#666)))" "$file" || return
  done < <(find . -type f -uid "$(id -u)" ! -name secrets ! -name '.*' ! -name script.sh -print0)
}

# measure: measures the run that was chosen in the attempt folder that this is, and
# writes the last word of it.
measure() {
  step_umask=$(umask)
  if [ -r secrets ]; then
    assign secrets
    step_umask=077
  fi
  observe 2>/dev/null | put observed

@TELEMETRY@
  exec 9< <(ticker)
  ticker=$!

  # The file that runs what is measured and keeps its true exit status, which
  # trtllm-llmapi-launch hides, on the rank that reports.
  {
    echo '#!/bin/bash'
    printf '%q ' "${measured[@]}"
    # shellcheck disable=SC2016
    printf '\n%s\n' 'rc=$?' 'case ${SLURM_PROCID:-0} in 0) echo "$rc" >.bench_exit.tmp && mv -f .bench_exit.tmp bench_exit ;; esac' 'exit "$rc"'
  } >bench
  chmod +x bench

  # Each rank's output is a file that is opened on its node, so that what is written
  # arrives at once, whole lines or not. The first rank's have the names without a number.
  (
    umask "$step_umask"
    unset SLURM_UMASK
    : >>stdout && : >>stderr
    ln -sfn stdout stdout.0 && ln -sfn stderr stderr.0
    exec "${command[@]}"
  ) &
  child=$!
  [ -n "$signal" ] && stop "$signal"
  step=$child

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
  child=
  rm -f stdout.0 stderr.0
  find . -maxdepth 1 -name 'std???.[1-9]*' -empty -delete

  [ -n "${sampler:-}" ] && kill "$sampler" 2>/dev/null
  pkill -P "$watcher" 2>/dev/null # the sleep inside; without pkill Slurm ends it with the job
  kill "$watcher" 2>/dev/null

  kill -TERM "$ticker" 2>/dev/null
  read -r -t 5 suspended <&9 || suspended=0
  exec 9<&-
  suspend_time=
  if [ "${suspended:=0}" -gt 0 ]; then
    suspend_time=$(scontrol -o show job "$job" 2>/dev/null | sed -n 's/.* SuspendTime=\([^ ]*\).*/\1/p')
  fi

  if [ -e secrets ]; then
    if redact; then rm -f secrets; else echo "llmbench: secrets could not be removed from the logs: they stay private" >&2; fi
  fi

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
    [ $((SECONDS - began)) -ge $((limit - 5)) ] && reason=time_limit
  fi
  bench=null
  [ -s bench_exit ] && bench=$(tr -cd 0-9 <bench_exit)
  report=null
  written=
  stdout=null
  [ -s report.json ] && written=$(date -u -r report.json +%Y-%m-%dT%H:%M:%S.%NZ)
  if ! [ -e secrets ]; then # what is left to redact changes yet
    [ -s report.json ] && report=$(sum report.json)
    [ -e stdout ] && stdout=$(sum stdout)
  fi
  printf '{"job_id":"%s","restart_count":%s,"rc":%s,"bench_rc":%s,"signal":"%s","reason":"%s","started":"%s","ended":"%s","report":%s,"report_written":"%s","stdout":%s,"suspended_s":%s,"suspend_time":"%s","end":true}\n' \
    "$job" "$restarts" "$rc" "$bench" "$signal" "$reason" "$started" "$(now)" "$report" "$written" "$stdout" "$suspended" "$suspend_time" | put exit
}

# look: ends the run that is measured if it was cancelled.
look() { [ -n "$child" ] && [ -e cancelled ] && kill -TERM "$child" 2>/dev/null; }

# defer WHY: gives the attempt in this folder back, unless it is claimed.
defer() {
  printf '{"job_id":"%s","restart_count":%s,"host":"%s","time":"%s","deferred":"%s","end":true}\n' \
    "$job" "$restarts" "$(hostname)" "$(now)" "$1" | put "claim.$job"
  if ! ln "claim.$job" claim 2>/dev/null && ! [ -e claim ]; then
    mkdir claim.d 2>/dev/null && cp "claim.$job" claim
  fi
}

# close: writes the last word of a run in this folder that was killed before it
# could, and ends the steps that it left.
close() {
  [ -e claim ] && ! [ -e exit ] || return
  squeue -s -h -j "$job" -o '%i %j' 2>/dev/null | grep -E '\.[0-9]+ ' | while read -r id name; do
    [ "$name" = keeper ] || scancel -s KILL "$id"
  done
  reason=cancelled
  [ $((SECONDS - since)) -ge "$limit" ] && reason=time_limit
  printf '{"job_id":"%s","restart_count":%s,"rc":%s,"bench_rc":null,"signal":"KILL","reason":"%s","started":"%s","ended":"%s","report":null,"end":true}\n' \
    "$job" "$restarts" "$rc" "$reason" "$at" "$(now)" | put exit
}

# await_verdict: a failure to start is one that the runs behind it may share:
# whoever follows the job takes those out of it.
await_verdict() {
  [ -z "$signal" ] && [ -n "${LLMBENCH_CANARY:-}" ] || return
  for _ in $(seq "$LLMBENCH_CANARY"); do
    ls "$folder" >/dev/null
    if [ -e "$folder/.good" ] || [ -e "$folder/judged.$number" ] || [ -n "$signal" ]; then
      break
    fi
    sleep 1
  done
}

@ENGINE@# measure_all: measures the runs of a job of several, and writes the job's last word.
# The attempt folders are the lines of the file "members"; of each the list has its time
# limit in seconds, its run's number here and its address.
measure_all() {
  export -n LLMBENCH_CANARY
  margin=@MARGIN@ # seconds before, between and after runs
  # The end of the allocation, asked for once.
  local start
  start=$(date +%s)
  end=${SLURM_JOB_END_TIME:-}
  case $end in '' | *[!0-9]*)
    end=$(date -d "$(squeue -h -j "$job" -o %e 2>/dev/null)" +%s 2>/dev/null) || end=$((start + @LIMIT@))
    ;;
  esac
  [ "$end" -gt "$start" ] || end=$((start + @LIMIT@))
  folder=$PWD
  ran=0
  failed=0
  deferred=0
  trap look USR2
  number=0
  while read -r limit run address; do
    number=$((number + 1))
    IFS= read -r -u 3 dir || break
    cd "$dir" 2>/dev/null || continue
    # Nothing was prepared, or somebody has decided already.
    if ! [ -e intent.json ] || [ -e claim ] || [ -e cancelled ] || [ -e ended.json ]; then
      continue
    fi
    why=
    [ $(($(date +%s) + limit + margin)) -gt "$end" ] && why="too little of the allocation's time was left"
    [ -n "$signal" ] && why="the job was ended"
    if [ -n "$why" ]; then
      deferred=$((deferred + 1))
      defer "$why"
      continue
    fi
@LOAD@    echo "$(now) $address"
    at=$(now)
    since=$SECONDS
    (
      trap '' USR2
      exec timeout --foreground --signal=TERM --kill-after=90 "$limit" bash "$folder/script.sh" "$run"
    ) >>job.out 2>&1 3<&- &
    child=$!
    look
    [ -n "$signal" ] && stop "$signal"
    await "$child"
    child=
    ran=$((ran + 1))
    close
    [ -e claim ] || defer "its script did not begin"
    case $rc in
      0) : >"$folder/.good" && continue ;;
      7[6-9]) continue ;; # it left the attempt alone
    esac
    failed=$((failed + 1))
    await_verdict
  done 3<members <<'END'
@ORDER@
END
@UNLOAD@  cd "$folder" || exit
  printf '{"job_id":"%s","restart_count":%s,"rc":0,"bench_rc":null,"signal":"%s","reason":"","started":"%s","ended":"%s","report":null,"runs":%s,"failed":%s,"deferred":%s,"end":true}\n' \
    "$job" "$restarts" "$signal" "$started" "$(now)" "$ran" "$failed" "$deferred" | put exit
  rc=0
}

if [ $# -eq 0 ] && [ -e members ]; then
  measure_all
else
  "run_${1:-1}"
  measure
fi
dismiss
exit "$rc"
