# Each slot runs a queue of its own, and has nodes of its own where there are
# several: the slot of each run, in the order of the list.
slots=@COUNT@
slot_of=(@SLOT_OF@)
nodes= # of this slot, where there are several
down=  # why this slot begins nothing more

# occupy SLOT: for what this shell starts the allocation is that slot's part of it.
occupy() {
  [ "$slots" -gt 1 ] || return
  local hosts
  mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
  hosts=("${hosts[@]:($1 - 1) * @NODES@:@NODES@}")
  nodes=$(IFS=, && echo "${hosts[*]}")
  [ "${#hosts[@]}" -eq @NODES@ ] || down="the nodes of slot $1 are not known"
  export SLURM_JOB_NODELIST=$nodes SLURM_NODELIST=$nodes SLURM_JOB_NUM_NODES=@NODES@ SLURM_NNODES=@NODES@ LLMBENCH_SIDE_BY_SIDE=$slots
}

# inspect: sets down where the job has lost a node of this slot, or where one does
# not answer. Where Slurm does not tell, all are well.
inspect() {
  [ -n "$nodes" ] || return
  local left node state
  left=$(squeue -h -j "$job" -o %N 2>/dev/null) && left=$(scontrol show hostnames "$left" 2>/dev/null) && [ -n "$left" ] || return
  for node in ${nodes//,/ }; do
    grep -qxF "$node" <<<"$left" || down="node $node is down"
  done
  while read -r node state; do
    case $state in
      *down*) down="node $node is down" ;;
      *'*') down="node $node does not answer" ;;
    esac
  done < <(sinfo -h -N -n "$nodes" -o '%N %T' 2>/dev/null)
}
