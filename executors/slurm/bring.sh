#!/bin/bash
# Brings something to a file system that nodes share, and leaves how that went
# in @DIR@. It needs no GPU.
@COMMON@

dir=@DIR@
seconds=@WAIT@ # to wait for secrets

# Whoever follows this job hands over what is secret now that it has begun. It is
# read once and removed.
for ((i = 0; i < seconds; i++)); do
  [ -r "$dir/secrets" ] && break
  sleep 1
done
: >"$dir/output"
if [ -r "$dir/secrets" ]; then
  assign "$dir/secrets"
  rm -f "$dir/secrets"
elif [ "$seconds" -gt 0 ]; then
  echo "the job began without its token: no llmbench prepare was there to hand it over" >"$dir/output"
fi
if [ -r "$dir/environment" ]; then
  assign "$dir/environment"
  rm -f "$dir/environment"
fi

command=(@COMMAND@)
"${command[@]}" >>"$dir/output" 2>&1
echo "$?" >"$dir/status"
sync "$dir/status" 2>/dev/null || sync
: >"$dir/done"
