#!/bin/bash
@SBATCH@
# Submit with sbatch. The job runs the scripts below one after another, each like
# a job of its own: it reserves a sample when it begins, so that what is not begun
# leaves nothing behind.
set -u
exec >>@OUT@ 2>&1
job=$SLURM_JOB_ID
scripts='
@SCRIPTS@
'
margin=@MARGIN@ # seconds before, between and after runs

@CLOCK@

signal=
run=
stop() {
  signal=$1
  [ -n "$run" ] && kill -TERM "$run" 2>/dev/null
}
trap 'stop TERM' TERM
trap 'stop INT' INT
trap 'stop USR1' USR1

while read -r limit script; do
  [ -n "$limit" ] || continue
  if [ -n "$signal" ] || [ $(($(date +%s) + limit + margin)) -gt "$end" ]; then
    echo "job $job: not begun: $script"
    continue
  fi
  echo "job $job: $(date -u +%Y-%m-%dT%H:%M:%SZ) $script"
  timeout --foreground --signal=TERM --kill-after=90 "$limit" bash "$script" &
  run=$!
  while kill -0 "$run" 2>/dev/null; do
    wait "$run"
  done
  run=
done <<<"$scripts"
