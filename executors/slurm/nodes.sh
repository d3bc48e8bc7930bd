#!/bin/bash
# Looks at the nodes of this job. Each line of the file "facts" is
# NODE<tab>FACT<tab>VALUE; what a node does not have is left out.
@COMMON@

unset SLURM_TRES_PER_TASK
export LLMBENCH_STORE=@STORE@
dir=@DIR@
paths=(@PATHS@)
weights=(@WEIGHTS@)
files=(@FILES@)

@LEFTOVERS@

look() {
  local node=${SLURMD_NODENAME:-$(hostname -s)} path shard bad n began took line
  say() { printf '%s\t%s\t%s\n' "$node" "$1" "$2"; }
  say nonce "$(cat "$dir/nonce" 2>/dev/null)"
  say arch "$(uname -m)"
  say shm "$(df -B1 --output=avail /dev/shm 2>/dev/null | tail -n 1 | tr -d ' ')"
  say ram "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
  say governor "$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null)"
  say enroot "$(enroot version 2>/dev/null)"
  sweep | while IFS= read -r line; do say swept "$line"; done
  for path in "${paths[@]}"; do
    [ -r "$path" ] || say unseen "$path"
  done
  for path in "${weights[@]}"; do
    n=0 bad=
    for shard in "$path"/*.safetensors; do
      if head -c 4096 "$shard" >/dev/null 2>&1; then n=$((n + 1)); else bad=${shard##*/}; fi
    done
    if [ -n "$bad" ]; then say unread "$path/$bad"; else say shards "$n"; fi
  done
  for path in "${files[@]}"; do # a file, a folder, or a folder of shards
    for shard in "$path" "$path"/*.safetensors; do
      if [ -d "$shard" ] || ! [ -r "$path" ] || [ "$shard" = "$path/*.safetensors" ]; then continue; fi
      head -c 4096 "$shard" >/dev/null 2>&1 || say unread "$shard"
    done
  done
  began=$(date +%s%N)
  if dd if=/dev/zero of="$dir/write.$node" bs=1M count=@WRITE@ conv=fsync 2>/dev/null; then
    took=$(($(date +%s%N) - began))
    say write $((@WRITE@ * 1048576 * 1000 / (took / 1000000 + 1)))
  fi
  rm -f "$dir/write.$node"
  command -v nvidia-smi >/dev/null || return 0
  nvidia-smi --query-gpu=name,memory.total,driver_version,clocks.max.sm,power.limit,ecc.errors.uncorrected.volatile.total --format=csv,noheader,nounits 2>/dev/null |
    while IFS= read -r line; do say gpu "$line"; done
  nvidia-smi --query-remapped-rows=remapped_rows.uncorrectable,remapped_rows.pending,remapped_rows.failure --format=csv,noheader,nounits 2>/dev/null |
    while IFS= read -r line; do say rows "$line"; done
  say busy "$(nvidia-smi --query-compute-apps=pid --format=csv,noheader 2>/dev/null | grep -c '[0-9]')"
  say links "$(nvidia-smi nvlink -s 2>/dev/null | grep -c 'GB/s')"
  nvidia-smi -q 2>/dev/null | awk -F ' *: *' '
    /^ *Fabric$/ { in_fabric = 1; state = ""; next }
    in_fabric && /^ *State / { state = $2 }
    in_fabric && /^ *Status / { status = $2 }
    in_fabric && /^ *CliqueId / { clique = $2 }
    in_fabric && /^ *ClusterUUID / { cluster = $2; print state "/" status "," cluster "/" clique; in_fabric = 0 }' |
    sort -u | while IFS= read -r line; do say fabric "$line"; done
  say imex "$(find /dev/nvidia-caps-imex-channels -name 'channel*' 2>/dev/null | wc -l)"
}

# driver is what has runs share an engine, "" where none do.
driver=@DRIVER@
engine() {
  [ -z "$driver" ] || printf '%s\tengine\t%s\n' "${SLURMD_NODENAME:-$(hostname -s)}" "$(python3 -c "$driver" probe 2>&1 | tail -n 1)"
}

inside() {
  local node=${SLURMD_NODENAME:-$(hostname -s)} path
  for path in "${weights[@]}"; do
    [ -r "$path/config.json" ] || { printf '%s\tcontainer\t%s cannot be read in it\n' "$node" "$path"; return; }
  done
  for path in "${files[@]}"; do
    [ -r "$path" ] || { printf '%s\tcontainer\t%s cannot be read in it\n' "$node" "$path"; return; }
  done
  printf '%s\tcontainer\tstarts\n' "$node"
  engine
}

# The functions travel as text: a node need not see this script.
body="dir=$(printf %q "$dir"); $(declare -p paths weights files driver); $(declare -f submitted sweep remove_own look engine inside)"
step=(@STEP@)
"${step[@]}" bash -c "$body; look@ENGINE@" >"$dir/facts" 2>"$dir/errors"
@CONTAINER@
: >"$dir/done"
