#!/bin/bash
# Has the engine in LLMBENCH_ENGINE run a command line in this folder, and puts what the
# engine writes meanwhile into the run's own log.
exec >>stdout 2>>stderr
from=$LLMBENCH_ENGINE
over() {
  echo "$1" >.bench_exit.tmp && mv -f .bench_exit.tmp bench_exit
  exit "$1"
}
declare -A at
for file in "$from"/std{out,err}*; do at[$file]=1; done
# rest: what the other ranks wrote since.
rest() {
  for file in "${!at[@]}"; do
    case $file in *.[1-9]*) tail -c +"${at[$file]}" "$file" >"${file##*/}" ;; esac
  done
}
if [ -e "$from/broken" ]; then
  cat "$from/stdout"
  cat "$from/stderr" "$from/broken" >&2
  rest
  over 1
fi
for file in "${!at[@]}"; do at[$file]=$(($(stat -Lc %s "$file") + 1)); done
# What the engine prints once belongs to each of its runs.
sed '/Starting benchmark/,$d; /^llmbench member /d' "$from/stdout"
tail -c +"${at[$from/stdout]}" -f --pid=$$ "$from/stdout" 2>/dev/null |
  sed -nu '/^llmbench member end /q; /^llmbench member begin /d; p' &
cut=$!
printf '%s\0' "$@" >argv
stopped=
trap 'stopped=1; kill -TERM "$LLMBENCH_ENGINE_STEP"' TERM
echo "measure $LLMBENCH_LIMIT $PWD" >>"$from/serve"
left=50
until [ -s member.json ] || ! kill -0 "$LLMBENCH_ENGINE_STEP" 2>/dev/null || [ "$left" -eq 0 ]; do
  sleep 0.1
  [ -n "$stopped" ] && left=$((left - 1))
done
for _ in {1..20}; do
  kill -0 "$cut" 2>/dev/null || break
  sleep 0.1
done
kill "$cut" 2>/dev/null
tail -c +"${at[$from/stderr]}" "$from/stderr" >&2
rc=$(sed -n 's/.*"exit": \([0-9]*\).*/\1/p' member.json 2>/dev/null)
[ "$rc" = 0 ] || rest
over "${rc:-1}"
