#!/bin/bash
@SBATCH@
# Submit with sbatch. The job reserves a sample of its run in the store, moves
# there, and then does what any job of llmbench does.
set -u
# The run is measured with what jobs of llmbench get of a caller's environment, not
# with all that sbatch hands on.
for name in $(compgen -e); do
  case $name in
    PATH | HOME | USER | LOGNAME | SHELL | LANG | PWD | TMPDIR | SLURM_* | SLURMD_* | CUDA_VISIBLE_DEVICES | GPU_DEVICE_ORDINAL) ;;
    *) unset "$name" ;;
  esac
done
umask "$(printf %04o $((8#777 & ~8#$(stat -c %a @STORE@))))"
folder=@FOLDER@
sample=1
mkdir -p "$folder"
until mkdir "$folder/sample-$sample" 2>/dev/null; do
  sample=$((sample + 1))
  [ "$sample" -gt 9999 ] && { echo "llmbench: cannot write to $folder" >&2; exit 79; }
done
attempt=$folder/sample-$sample/attempt-1
mkdir "$attempt" && cd "$attempt" || exit 79
touch "$folder"/../*/sample-*/attempt-* # whoever remembers the others looks again
exec >>job.out 2>&1
cp @FILES@/* . || exit 79
ln -s @DATASET@ dataset.jsonl
created=$(date -u +%Y-%m-%dT%H:%M:%SZ)
nonce=hand-$SLURM_JOB_ID
cat >attempt <<END
LLMBENCH_ATTEMPT=$attempt
LLMBENCH_JOB_NAME=$SLURM_JOB_NAME
LLMBENCH_NONCE=$nonce
END
printf '%s\n' LLMBENCH_STORE=@STORE@ LLMBENCH_DATASETS=@DATASETS@ LLMBENCH_MODEL_PATH=@MODEL@ \
  LLMBENCH_GPU=@GPU@ LLMBENCH_TRTLLM_VERSION=@VERSION@ >>attempt
printf '{"handle":"slurm:-:%s:%s","job_id":"%s","cluster":"%s","submitted":"%s","end":true}\n' \
  "$SLURM_JOB_ID" "$SLURM_JOB_NAME" "$SLURM_JOB_ID" @CLUSTER@ "$created" >job.json
printf '{"address":"@ADDRESS@","fingerprint":"@FINGERPRINT@","job_name":"%s","cluster":"%s","executor":"@EXECUTOR@","sample":%s,"attempt":1,"script_sha256":"","user":"%s","host":"%s","nonce":"%s","created":"%s","end":true}\n' \
  "$SLURM_JOB_NAME" @CLUSTER@ "$sample" "$(id -un)" "$(hostname)" "$nonce" "$created" >intent.json

@BODY@
