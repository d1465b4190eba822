#!/bin/sh
# Measures everything that the table of docs/performance.md is made of and writes it to results/. Takes about 20 minutes on two
# cores, 6 GB of memory and 4 GB in the cache folder. Extra arguments go to every measurement: benchmarks/run.sh --threads 2
set -eu
cd "$(dirname "$0")/.."
npm run build
bench() {
  name=$1
  shift
  echo "$name" >&2
  node dist/cli/main.js bench "$@" --output "benchmarks/results/$name.json" >"benchmarks/results/$name.txt"
}
bench fluent-scenes --branches 0,1,2 --repeat 30 --run-repeat 5 "$@"
bench ddpm-cifar10 --architecture ddpm-cifar10 --batch 16 --branches 0,2 --evaluations 100 --repeat 10 \
  --policies off,uniform:5:2,uniform:10:2,steps:50 "$@"
bench ldm-4-g --architecture ldm-4-g --branches 0 --intervals 2,3,5,10,20 --evaluations 250 --repeat 7 --no-runs "$@"
bench ddpm-lsun --architecture ddpm-lsun --branches 0,2 --evaluations 100 --repeat 5 --no-runs "$@"
bench stable-diffusion-v1-5 --architecture stable-diffusion-v1-5 --branches 0,1 --repeat 5 \
  --policies off,uniform:5:0,uniform:5:1,steps:13,steps:19 "$@"
npm run pages
