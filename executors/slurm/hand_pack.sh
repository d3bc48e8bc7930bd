#!/bin/bash
@SBATCH@
# Submit with sbatch. The job runs the scripts below, in each slot one after
# another, each like a job of its own: it reserves a sample when it begins, so that
# what is not begun leaves nothing behind.
set -u
exec >>@OUT@ 2>&1
job=$SLURM_JOB_ID
scripts='
@SCRIPTS@
'
@SLOTS@

margin=@MARGIN@ # seconds before, between and after runs

@CLOCK@

signal=
run=
stop() {
  signal=$1
  [ -n "$run" ] && kill -TERM "$run" 2>/dev/null
}

# work SLOT: runs the queue of a slot.
work() {
  local number=0 limit script rc
  trap 'stop TERM' TERM
  trap 'stop INT' INT
  trap 'stop USR1' USR1
  occupy "$1"
  while read -r limit script; do
    [ -n "$limit" ] || continue
    number=$((number + 1))
    [ "${slot_of[number - 1]}" = "$1" ] || continue
    if [ -n "$signal$down" ] || [ $(($(date +%s) + limit + margin)) -gt "$end" ]; then
      echo "job $job: not begun: $script${down:+: $down}"
      continue
    fi
    echo "job $job: $(date -u +%Y-%m-%dT%H:%M:%SZ) $script${nodes:+ on $nodes}"
    timeout --foreground --signal=TERM --kill-after=90 "$limit" bash "$script" &
    run=$!
    while :; do
      wait "$run"
      rc=$?
      kill -0 "$run" 2>/dev/null || break
    done
    run=
    [ "$rc" -eq 0 ] || inspect
  done <<<"$scripts"
}

# Several slots have a process each, to which this one passes the signals on.
workers=()
pass() { for worker in "${workers[@]}"; do kill -TERM "$worker" 2>/dev/null; done; }
if [ "$slots" -eq 1 ]; then
  work 1
else
  trap pass TERM INT USR1
  for slot in $(seq "$slots"); do
    work "$slot" &
    workers+=("$!")
  done
  for worker in "${workers[@]}"; do
    while kill -0 "$worker" 2>/dev/null; do wait "$worker"; done
  done
fi
