#!/usr/bin/env bash
# cpu.sh CPU: prints the part of a file's name for a CPU: x86_64-v2, or native.
echo "${1:?the CPU}" | sed 's/^x86-64/x86_64/'
