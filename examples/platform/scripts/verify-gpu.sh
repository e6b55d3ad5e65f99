#!/bin/sh
# Says where the chain from the driver to a schedulable GPU breaks, without changing anything.
# `zakenak doctor` and `zakenak smoke` look deeper; this needs nothing but kubectl.
# usage: scripts/verify-gpu.sh [kubeconfig context]
set -eu

failed=0
pass() { printf 'ok    %s\n' "$1"; }
fail() { printf 'FAIL  %s\n      %s\n' "$1" "$2"; failed=1; }

if [ -e /dev/dxg ]; then
  pass 'WSL2: /dev/dxg is there'
  PATH=$PATH:/usr/lib/wsl/lib
elif [ -e /dev/nvidiactl ]; then
  pass 'Linux: /dev/nvidiactl is there'
else
  fail 'no GPU device' 'Install the NVIDIA driver (for WSL2: in Windows only, never inside the distribution), then run wsl --shutdown.'
fi

if command -v nvidia-smi > /dev/null && gpus=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader); then
  pass "driver: $gpus"
else
  fail 'nvidia-smi does not answer' 'Repair the driver: nothing below can work without it.'
fi

if command -v nvidia-ctk > /dev/null; then
  pass "container toolkit: $(nvidia-ctk --version | head -n 1)"
else
  fail 'nvidia-ctk is missing' 'Install nvidia-container-toolkit and run: nvidia-ctk runtime configure --runtime=containerd'
fi

if ! command -v kubectl > /dev/null; then
  fail 'kubectl is missing' 'Install kubectl.'
  exit 1
fi
context=${1:-$(kubectl config current-context)}
if ! nodes=$(kubectl --context "$context" get nodes --output 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.allocatable.nvidia\.com/gpu}{"\n"}{end}'); then
  fail "the cluster $context does not answer" 'Start the cluster, or name another context.'
  exit 1
fi
if printf '%s\n' "$nodes" | grep -Eq ' [1-9][0-9]*$'; then
  pass "cluster $context: $(printf '%s' "$nodes" | tr '\n' ';')"
else
  fail "no node of $context advertises nvidia.com/gpu" 'Look at the device plugin: kubectl --namespace kube-system logs daemonset/device-plugin'
fi
exit "$failed"
