# The runs of this job share an engine: a step of its own, with the folder
# LLMBENCH_ENGINE, that runs one after another what its file "serve" lists.
engine=   # the process of its step
engines=0 # how many were started
engine_limit=@LIMIT@ # seconds for loading and priming, and for the repetition

# alive: an engine is there and takes runs.
alive() { [ -n "$engine" ] && kill -0 "$engine" 2>/dev/null && ! [ -e "$LLMBENCH_ENGINE/engine.json" ]; }

# broken: an engine could not be made ready; for another run it would be the same.
broken() { [ -e "${LLMBENCH_ENGINE:-}/broken" ]; }

# list ROLE FOLDER FROM: has the engine run what FOLDER/argv says on FROM's requests, and
# waits for the verdict. Fails unless it is good.
list() {
  ln -s "$3/dataset.jsonl" "$3/@OPTIONS@" "$2/"
  echo "$1 $engine_limit $2" >>"$LLMBENCH_ENGINE/serve"
  local since=$SECONDS
  until [ -s "$2/member.json" ] || [ -n "$signal" ] || ! kill -0 "$engine" 2>/dev/null || [ $((SECONDS - since)) -gt $((engine_limit + 15)) ]; do
    sleep 0.2
  done
  grep -q '"exit": 0[,}]' "$2/member.json" 2>/dev/null
}

# load: has an engine ready for the run in this folder. Fails where the run is to be
# given back, and sets why.
load() {
  export LLMBENCH_LIMIT=$((limit + 30)) # this script ends the run before
  if alive || broken; then return; fi
  discard
  why="too little of the allocation's time was left for a new engine"
  [ $(($(date +%s) + engine_limit + limit + 2 * margin)) -gt "$end" ] && return 1
  engines=$((engines + 1))
  export LLMBENCH_ENGINE=$folder/engine-$engines LLMBENCH_ENGINE_ID=$job.$engines
  mkdir -p "$LLMBENCH_ENGINE/prime"
  : | tee "$LLMBENCH_ENGINE/serve" "$LLMBENCH_ENGINE/stdout" >"$LLMBENCH_ENGINE/stderr"
  ln -s stdout "$LLMBENCH_ENGINE/stdout.0"
  ln -s stderr "$LLMBENCH_ENGINE/stderr.0"
  cat >"$LLMBENCH_ENGINE/engine.py" <<'ENGINE_PY'
@DRIVER@
ENGINE_PY
  cat >"$LLMBENCH_ENGINE/bench" <<'BENCH'
#!/bin/bash
case ${SLURM_PROCID:-0} in 0) exec python3 engine.py serve ;; esac
BENCH
  cat >"$LLMBENCH_ENGINE/take" <<'TAKE'
@TAKE@
TAKE
  chmod +x "$LLMBENCH_ENGINE/bench"
  # shellcheck disable=SC2034 # the step below has them
  local measured mounts command since=$SECONDS
  mounts=$(while read -r dir; do
    printf '%s:%s\n' "$dir" "$dir"
    sed -n 's/^LLMBENCH_DATASETS=\(.*\)/\1:\1/p' "$dir/attempt"
  done <"$folder/members" 2>/dev/null | sort -u | paste -sd ,)
  (run_@PRIME@ && printf '%s\0' "${measured[@]}" >"$LLMBENCH_ENGINE/prime/argv")
  (
    trap - USR2
    assign attempt
    run_@PRIME@
    export LLMBENCH_ATTEMPT=$LLMBENCH_ENGINE
    cd "$LLMBENCH_ENGINE" || exit
    command=(
  @STEP@
    )
    unset SLURM_UMASK
    exec "${command[@]}"
  ) </dev/null 3<&- &
  engine=$!
  export LLMBENCH_ENGINE_STEP=$engine
  if ! list prime "$LLMBENCH_ENGINE/prime" "$(sed -n @PRIMES@p "$folder/members")"; then
    why="the job was ended"
    discard
    [ -n "$signal" ] && return 1
    {
      [ $((SECONDS - since)) -lt "$engine_limit" ] || echo "llmbench: the engine was not ready within the time limit of $engine_limit s"
    } >"$LLMBENCH_ENGINE/broken"
  fi
}

# discard: ends what is left of the engine's step.
discard() {
  [ -n "$engine" ] || return 0
  kill -TERM "$engine" 2>/dev/null
  for _ in {1..50}; do
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
  done
  squeue -s -h -j "$job" -o '%i %j' 2>/dev/null | sed -n 's/ engine$//p' | while read -r id; do scancel -s KILL "$id"; done
  kill -KILL "$engine" 2>/dev/null
  await "$engine"
  engine=
}

# unload: has the first run of the engine measured once more, and ends the engine.
unload() {
  if alive && ! broken; then
    local first
    first=$(sed -n 's/^measure [0-9]* //p' "$LLMBENCH_ENGINE/serve" | head -n 1)
    if [ -z "$signal" ] && [ -n "$first" ] && [ $(($(date +%s) + engine_limit + margin)) -le "$end" ]; then
      mkdir -p "$LLMBENCH_ENGINE/again"
      cp "$first/argv" "$LLMBENCH_ENGINE/again/"
      list again "$LLMBENCH_ENGINE/again" "$first"
    fi
    echo end >>"$LLMBENCH_ENGINE/serve"
    for _ in {1..900}; do
      kill -0 "$engine" 2>/dev/null && [ -z "$signal" ] || break
      sleep 0.1
    done
  fi
  discard
}
