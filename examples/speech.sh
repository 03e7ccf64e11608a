#!/usr/bin/env bash
# Speaks the example sentences again: examples/media/*.mp3 (needs espeak-ng and ffmpeg).
set -euo pipefail
cd "$(dirname "$0")/media"

speak() {
  espeak-ng -v en-us -s 150 --stdout "$2" |
    ffmpeg -v error -y -i - -af apad=pad_dur=0.5 -ar 16000 -ac 1 -c:a libmp3lame -b:a 32k \
      -map_metadata -1 -fflags +bitexact "$1.mp3"
}

speak sunrise "good morning, hello world, and welcome."
speak sea "this is the first scene, blue and white."
speak desert "the next scene is yellow, red and orange."
speak city "record video, play audio, start the music."
speak mountains "this is the last scene, green light, and cut."
