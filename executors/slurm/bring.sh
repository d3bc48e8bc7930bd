#!/bin/bash
# Brings something to a file system that nodes share, and leaves how that went
# in @DIR@. It needs no GPU.
@COMMON@

dir=@DIR@

# The environment may hold secrets: it is read once and removed.
if [ -r "$dir/environment" ]; then
  while IFS= read -r line; do
    case $line in [A-Za-z_]*=*) export "${line%%=*}=${line#*=}" ;; esac
  done <"$dir/environment"
  rm -f "$dir/environment"
fi

command=(@COMMAND@)
"${command[@]}" >"$dir/output" 2>&1
echo "$?" >"$dir/status"
sync "$dir/status" 2>/dev/null || sync
: >"$dir/done"
