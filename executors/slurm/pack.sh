#!/bin/bash
# @NAME@
# Runs in a pack's folder of llmbench's store: one run after another, each in its own
# attempt folder by its own script. What became of the pack itself is left here, the
# file "exit" last.
@COMMON@

export -n LLMBENCH_CANARY
margin=@MARGIN@ # seconds before, between and after runs

@CLOCK@

@KEEPER@
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
# before it could, and ends the steps that it left.
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

# await_verdict: a failure to start is one that the runs behind it may share:
# whoever follows the pack takes those out of it.
await_verdict() {
  [ -z "$signal" ] && [ -n "${LLMBENCH_CANARY:-}" ] || return
  for _ in $(seq "$LLMBENCH_CANARY"); do
    ls "$pack" >/dev/null
    if [ -e "$pack/.good" ] || [ -e "$pack/judged.$number" ] || [ -n "$signal" ]; then
      break
    fi
    sleep 1
  done
}

trap 'stop TERM' TERM
trap 'stop INT' INT
trap 'stop USR1' USR1
trap look USR2
# What is run, in this order: its time limit in seconds, and its address. The
# attempt folders are the lines of the file "members".
number=0
while read -r limit address; do
  number=$((number + 1))
  IFS= read -r -u 3 dir || break
  cd "$dir" 2>/dev/null || continue
  # Nothing was prepared, or somebody has decided already.
  if ! [ -e intent.json ] || [ -e claim ] || [ -e cancelled ] || [ -e ended.json ]; then
    continue
  fi
  why=
  [ $(($(date +%s) + limit + margin)) -gt "$end" ] && why="too little of the allocation's time was left"
  [ -n "$signal" ] && why="the pack's job was ended"
  if [ -n "$why" ]; then
    deferred=$((deferred + 1))
    defer "$why"
    continue
  fi
  echo "$(now) $address"
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
  await_verdict
done 3<members <<'END'
@RUNS@
END
cd "$pack" || exit
printf '{"job_id":"%s","restart_count":%s,"rc":0,"bench_rc":null,"signal":"%s","reason":"","started":"%s","ended":"%s","report":null,"runs":%s,"failed":%s,"deferred":%s,"end":true}\n' \
  "$job" "$restarts" "$signal" "$started" "$(now)" "$ran" "$failed" "$deferred" | put exit
dismiss
