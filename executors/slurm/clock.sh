# The end of the allocation, asked for once.
began=$(date +%s)
end=${SLURM_JOB_END_TIME:-}
case $end in '' | *[!0-9]*)
  end=$(date -d "$(squeue -h -j "$job" -o %e 2>/dev/null)" +%s 2>/dev/null) || end=$((began + @LIMIT@))
  ;;
esac
[ "$end" -gt "$began" ] || end=$((began + @LIMIT@))
