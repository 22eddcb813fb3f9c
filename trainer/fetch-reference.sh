#!/usr/bin/env bash
# Puts PyTorch, transformers and PEFT into .servers/reference, once: the baseline of the trainer in
# `make bench`, and what made the numbers in trainer/tests/reference.
#
# Everything comes from PyPI, 2 GB. The CUDA libraries that PyPI's build of torch links to are left
# out; stand-ins take their place. Needs python3.11 or later with venv, gcc and binutils.
source "$(dirname "$0")/../tests/servers/lib.sh"
environment=$root/.servers/reference
[ -d "$environment" ] && exit 0

echo "installing torch 2.13.0, transformers 5.19.0 and peft 0.21.2 into $environment"
new_environment "$environment.new"
install_without "$environment.new" \
    torch==2.13.0 transformers==5.19.0 peft==0.21.2 safetensors==0.8.0 numpy==2.3.5 <<'PACKAGES'
triton
cuda-toolkit
cuda-bindings
nvidia-cudnn-cu13
nvidia-cusparselt-cu13
nvidia-nccl-cu13
nvidia-nvshmem-cu13
PACKAGES
packages=$(packages_of "$environment.new")
"$environment.new/bin/python" tests/servers/stand_ins.py "$packages/torch/lib"
"$environment.new/bin/python" -c 'import peft, torch, transformers'
mv "$environment.new" "$environment"
