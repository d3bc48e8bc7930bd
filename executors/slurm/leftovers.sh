# Containers on a node, as pyxis names them (pyxis_slurmstepd.c, 0.24): pyxis_NAME, or
# pyxis_JOB.STEP where a step gives no name; "JOB_" follows "pyxis_" where
# container_scope=job.

# submitted JOB: llmbench submitted it, by its name, or by a claim in the store
# where there is no accounting.
submitted() {
  case $(sacct -X -n -P -j "$1" -o JobName 2>/dev/null) in
    llmb-*) ;;
    '') [ -n "${LLMBENCH_STORE:-}" ] && [ -n "$(timeout 20 find "$LLMBENCH_STORE" -maxdepth 7 -name "claim.$1" -print -quit 2>/dev/null)" ] ;;
    *) false ;;
  esac
}

# sweep: removes what jobs of llmbench that are gone have left, and prints its names.
# Containers are listed before jobs: whoever began in between is in the queue.
sweep() {
  local name id named live=
  while IFS= read -r name; do
    named=
    if [[ $name =~ ^pyxis_([0-9]+_)?llmbench-"${SLURM_CLUSTER_NAME:-}"-([0-9]+)$ ]]; then
      named=1
    elif ! [[ $name =~ ^pyxis_([0-9]+_)?([0-9]+)\.[0-9]+$ || $name =~ ^pyxis_([0-9]+_)?llmbench-([0-9]+)$ ]]; then
      continue
    fi
    id=${BASH_REMATCH[2]}
    [ -n "$live" ] || live=$(squeue -a --me -h -o %A 2>/dev/null | tr '\n' ' ')
    case " $live" in *" $SLURM_JOB_ID "*) ;; *) return ;; esac # an answer without this job tells nothing
    case " $live" in *" $id "*) continue ;; esac
    [ -n "$named" ] || submitted "$id" || continue
    enroot remove -f "$name" >/dev/null 2>&1 </dev/null && echo "$name"
  done < <(enroot list 2>/dev/null)
}

# remove_own: removes the containers of this job, and fails where there is none.
remove_own() {
  local name found=1
  while IFS= read -r name; do
    case $name in
      "pyxis_$SLURM_JOB_ID."* | "pyxis_${SLURM_JOB_ID}_"* | "pyxis_llmbench-${SLURM_CLUSTER_NAME:-}-$SLURM_JOB_ID")
        found=0
        enroot remove -f "$name" >/dev/null 2>&1 </dev/null
        ;;
    esac
  done < <(enroot list 2>/dev/null)
  return "$found"
}

# keep: sweeps, and stays until the job ends to remove its containers. Slurm ends
# steps with SIGTERM, and kills them KillWait later. What unpacks a container may
# outlive the first look.
keep() {
  local over='' quiet=0
  trap 'over=1' TERM USR1
  echo
  sweep >/dev/null
  until [ -n "$over" ]; do
    sleep 10 &
    wait "$!"
  done
  trap '' TERM USR1
  for _ in {1..100}; do
    if remove_own; then quiet=0; else quiet=$((quiet + 1)); fi
    [ "$quiet" -eq 3 ] && break
    sleep 0.5
  done
}
