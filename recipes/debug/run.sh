#!/usr/bin/env bash
# The whole path at the smallest size: corpus, four trainings, a checkpoint, a song. Proves that it runs, not that it sings.
#   command: bash recipes/debug/run.sh DIR      hardware: two CPU cores      time: 51 seconds
set -euo pipefail
recipes=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
songdiff corpus build --hours 0.03 --seed 1 --out corpus
for part in autoencoder vocoder style_encoder transformer; do
  songdiff train "$recipes/$part.yaml"
done
songdiff assemble checkpoint --autoencoder runs/autoencoder/export --vocoder runs/vocoder/export \
  --style-encoder runs/style_encoder/export --transformer runs/transformer/export --steps 4
songdiff generate "$recipes/../examples/first_song.lrc" --prompt "acoustic folk, male vocals" --seed 7 --duration 30 \
  --model checkpoint --output song.wav
songdiff replay song.json --output again.wav
cmp song.wav again.wav
