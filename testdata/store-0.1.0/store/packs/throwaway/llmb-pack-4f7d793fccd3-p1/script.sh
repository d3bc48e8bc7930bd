#!/bin/bash
# llmb-pack-4f7d793fccd3
# Runs in a pack's folder of llmbench's store: in each slot one run after another,
# each in its own attempt folder by its own script. What became of the pack itself
# is left here, the file "exit" last.
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

# What is run, in this order: its time limit in seconds, and its address. The
# attempt folders are the lines of the file "members".
runs='
300 sweep/use_case=chat/concurrency=16
300 sweep/use_case=chat/concurrency=24
'
# Each slot runs a queue of its own, and has nodes of its own where there are
# several: the slot of each run, in the order of the list.
slots=1
slot_of=(1 1)
nodes= # of this slot, where there are several
down=  # why this slot begins nothing more

# occupy SLOT: for what this shell starts the allocation is that slot's part of it.
occupy() {
  [ "$slots" -gt 1 ] || return
  local hosts
  mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
  hosts=("${hosts[@]:($1 - 1) * 2:2}")
  nodes=$(IFS=, && echo "${hosts[*]}")
  [ "${#hosts[@]}" -eq 2 ] || down="the nodes of slot $1 are not known"
  export SLURM_JOB_NODELIST=$nodes SLURM_NODELIST=$nodes SLURM_JOB_NUM_NODES=2 SLURM_NNODES=2 LLMBENCH_SIDE_BY_SIDE=$slots
}

# inspect: sets down where the job has lost a node of this slot, or where one does
# not answer. Where Slurm does not tell, all are well.
inspect() {
  [ -n "$nodes" ] || return
  local left node state
  left=$(squeue -h -j "$job" -o %N 2>/dev/null) && left=$(scontrol show hostnames "$left" 2>/dev/null) && [ -n "$left" ] || return
  for node in ${nodes//,/ }; do
    grep -qxF "$node" <<<"$left" || down="node $node is down"
  done
  while read -r node state; do
    case $state in
      *down*) down="node $node is down" ;;
      *'*') down="node $node does not answer" ;;
    esac
  done < <(sinfo -h -N -n "$nodes" -o '%N %T' 2>/dev/null)
}

export -n LLMBENCH_CANARY
margin=120 # seconds before, between and after runs

# The end of the allocation, asked for once.
began=$(date +%s)
end=${SLURM_JOB_END_TIME:-}
case $end in '' | *[!0-9]*)
  end=$(date -d "$(squeue -h -j "$job" -o %e 2>/dev/null)" +%s 2>/dev/null) || end=$((began + 960))
  ;;
esac
[ "$end" -gt "$began" ] || end=$((began + 960))

started=$(now)
printf '{"job_id":"%s","host":"%s","nodes":"%s","time":"%s","end":true}\n' \
  "$job" "$(hostname)" "$SLURM_JOB_NODELIST" "$started" | put start

# defer WHY: gives the attempt in this folder back, unless it is claimed.
defer() {
  printf '{"job_id":"%s","restart_count":%s,"host":"%s","time":"%s","deferred":"%s","end":true}\n' \
    "$job" "$restarts" "$(hostname)" "$(now)" "$1" | put "claim.$job"
  if ! ln "claim.$job" claim 2>/dev/null && ! [ -e claim ]; then
    mkdir claim.d 2>/dev/null && cp "claim.$job" claim
  fi
}

# close: writes the last word of a run in this folder whose script was killed
# before it could, and ends the steps that it left on the nodes of this slot.
close() {
  [ -e claim ] && ! [ -e exit ] || return
  squeue -s -h -j "$job" ${nodes:+-w "$nodes"} -o %i 2>/dev/null | grep -E '\.[0-9]+$' | while read -r id; do scancel -s KILL "$id"; done
  reason=cancelled
  [ $((SECONDS - since)) -ge "$limit" ] && reason=time_limit
  printf '{"job_id":"%s","restart_count":%s,"rc":%s,"bench_rc":null,"signal":"KILL","reason":"%s","started":"%s","ended":"%s","report":null,"end":true}\n' \
    "$job" "$restarts" "$rc" "$reason" "$at" "$(now)" | put exit
}

# The signals that end the pack, and the one that says that a run was cancelled.
signal=
run= # the process of the run that is being measured
stop() {
  signal=$1
  [ -n "$run" ] && kill -TERM "$run" 2>/dev/null
}
look() { [ -n "$run" ] && [ -e cancelled ] && kill -TERM "$run" 2>/dev/null; }

pack=$PWD
ran=0
failed=0
deferred=0

# work SLOT: runs the queue of a slot.
work() {
  local number=0 limit address dir why at since
  trap 'stop TERM' TERM
  trap 'stop INT' INT
  trap 'stop USR1' USR1
  trap look USR2
  occupy "$1"
  while read -r limit address; do
    [ -n "$limit" ] || continue
    number=$((number + 1))
    IFS= read -r -u 3 dir || break
    [ "${slot_of[number - 1]}" = "$1" ] || continue
    cd "$dir" 2>/dev/null || continue
    # Nothing was prepared, or somebody has decided already.
    if ! [ -e intent.json ] || [ -e claim ] || [ -e cancelled ] || [ -e ended.json ]; then
      continue
    fi
    why=$down
    [ $(($(date +%s) + limit + margin)) -gt "$end" ] && why="too little of the allocation's time was left"
    [ -n "$signal" ] && why="the pack's job was ended"
    if [ -n "$why" ]; then
      deferred=$((deferred + 1))
      defer "$why"
      continue
    fi
    echo "$(now) $address${nodes:+ on $nodes}"
    at=$(now)
    since=$SECONDS
    (
      trap '' USR2
      exec timeout --foreground --signal=TERM --kill-after=90 "$limit" bash script.sh
    ) >>job.out 2>&1 3<&- &
    run=$!
    look
    [ -n "$signal" ] && stop "$signal"
    await "$run"
    run=
    ran=$((ran + 1))
    close
    [ -e claim ] || defer "its script did not begin"
    case $rc in
      0) : >"$pack/.good" && continue ;;
      7[6-9]) continue ;; # it left the attempt alone
    esac
    failed=$((failed + 1))
    inspect
    await_verdict
  done 3<members <<<"$runs"
  cd "$pack" || exit
}

# await_verdict: a failure to start is one that the runs behind it may share:
# whoever follows the pack takes those out of it.
await_verdict() {
  [ -z "$signal$down" ] && [ -n "${LLMBENCH_CANARY:-}" ] || return
  for _ in $(seq "$LLMBENCH_CANARY"); do
    ls "$pack" >/dev/null
    if [ -e "$pack/.good" ] || [ -e "$pack/judged.$number" ] || [ -n "$signal" ]; then
      break
    fi
    sleep 1
  done
}

# Several slots have a process each, to which this one passes the signals on.
workers=()
pass() {
  [ "$1" = USR2 ] || signal=$1
  for worker in "${workers[@]}"; do kill -"$2" "$worker" 2>/dev/null; done
}
side_by_side() {
  trap 'pass TERM TERM' TERM
  trap 'pass INT TERM' INT
  trap 'pass USR1 TERM' USR1
  trap '' USR2 # until all listen: it is sent again
  for slot in $(seq "$slots"); do
    {
      work "$slot"
      echo "$ran $failed $deferred" >".slot.$slot"
    } &
    workers+=("$!")
  done
  trap 'pass USR2 USR2' USR2
  for worker in "${workers[@]}"; do await "$worker"; done
  local n more less
  for slot in $(seq "$slots"); do
    read -r n more less <".slot.$slot" || continue
    ran=$((ran + n)) failed=$((failed + more)) deferred=$((deferred + less))
  done
}

if [ "$slots" -gt 1 ]; then side_by_side; else work 1; fi
printf '{"job_id":"%s","restart_count":%s,"rc":0,"bench_rc":null,"signal":"%s","reason":"","started":"%s","ended":"%s","report":null,"runs":%s,"failed":%s,"deferred":%s,"end":true}\n' \
  "$job" "$restarts" "$signal" "$started" "$(now)" "$ran" "$failed" "$deferred" | put exit
