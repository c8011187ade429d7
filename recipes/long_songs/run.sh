#!/usr/bin/env bash
# Songs of 285 s: seconds and peak memory of every stage, and whether choruses return alike.
#   command: bash recipes/long_songs/run.sh DIR [MODEL]     hardware: two CPU cores     time: about 10 minutes
# Read in DIR/report.json: music.repeat_similarity (choruses to each other) against music.contrast_similarity (choruses to
# other sections), their difference music.repeat_contrast, music.boundaries_f. An interrupted run goes on where it was.
set -euo pipefail
words=$(cd "$(dirname "$0")" && pwd)/words.txt
model=${2:-songdiff/tiny}
mkdir -p "$1/songs" && cd "$1"
seed=0
for style in "pop, female vocals" "rock, male vocals" "synthwave, female vocals" "soul, male vocals"; do
  seed=$((seed + 1))
  [ -f "songs/song-$seed.json" ] || songdiff generate "$words" --prompt "$style" --duration 285 --seed $seed \
    --model "$model" --stems "songs/song-$seed" --preview "preview-$seed.flac" -o "songs/song-$seed.flac"
done
songdiff evaluate songs --out report.json
songdiff bench --model "$model" --durations 285 --runs 1 --out speed.json
