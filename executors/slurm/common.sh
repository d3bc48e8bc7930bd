set -u
export LC_ALL=C
unset SLURM_CONF_SERVER SLURM_JWT KRB5CCNAME LD_LIBRARY_PATH # they were for sbatch
# What is written here may be read, and changed, by those who may do so with the
# folder.
mode=$((8#$(stat -c %a .) & 8#777))
umask "$(printf %04o $((8#777 & ~mode)))"
job=$SLURM_JOB_ID
restarts=${SLURM_RESTART_COUNT:-0}

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# sum FILE: its size and SHA-256 as JSON.
sum() {
  sync "$1" 2>/dev/null || sync
  printf '{"bytes":%s,"sha256":"%s"}' "$(stat -c %s "$1")" "$(sha256sum <"$1" | cut -c1-64)"
}

# put NAME: standard input becomes the file NAME, whole or not at all.
put() {
  cat >".$1.$job.tmp" || return
  sync ".$1.$job.tmp" 2>/dev/null || sync
  mv -fT ".$1.$job.tmp" "$1" && { sync . 2>/dev/null || sync; }
}

refuse() { # CODE WHY
  [ "$1" -eq 76 ] && rm -f secrets
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

# dismiss: has the keeper, if there is one, remove this job's containers and end.
keeper=
dismiss() {
  [ -n "$keeper" ] || return 0
  # It says on each node that it is there. Where it never began, the job's end ends it.
  for _ in $(seq "${SLURM_JOB_NUM_NODES:-1}"); do read -r -t 20 -u 8 || return 0; done
  for _ in {1..150}; do
    kill -USR1 "$keeper" 2>/dev/null || return 0 # srun passes it on
    sleep 1
  done
}

if ! [ -r attempt ]; then
  echo "llmbench: $(hostname) does not see the attempt folder $PWD; the store must be on a file system that all nodes share" >&2
  exit 79
fi
# The files that the intent lists were not synced: a crash of their writer's host tears them.
listed=$(grep -o '"[^"]*":{"bytes":[0-9]*,"sha256":"[0-9a-f]*"}' intent.json 2>/dev/null | sed 's/"\([^"]*\)".*"sha256":"\(.*\)"}/\2  \1/')
if [ -n "$listed" ] && ! torn=$(sha256sum -c <<<"$listed" 2>/dev/null); then
  refuse 79 "not what was written: $(grep -v ': OK$' <<<"$torn" | cut -d: -f1 | paste -sd ' ')"
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
