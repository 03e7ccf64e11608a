"""Listens to a file as the transcriber does, and prints as JSON what came of it and how; a process of its own.

    python -m tests.media_services.listening CHECKPOINT FILE THREADS PIECE_S LANGUAGE

Torch is loaded here and not in the process that tests.
"""

import json
import sys
from typing import Any

from media_services import transcriber


def main() -> None:
    checkpoint, file, threads, piece_s, language = sys.argv[1:]
    model = transcriber.load(checkpoint, "cpu", int(threads))
    import torch

    told: dict[str, Any] = {"threads": torch.get_num_threads(), "detected": 0, "temperatures": [], "pieces": []}
    detect, decode, pieces = model.detect_language, type(model).decode, transcriber.pieces

    def detecting(*arguments: Any, **options: Any) -> Any:
        told["detected"] += 1
        return detect(*arguments, **options)

    def decoding(self: Any, window: Any, options: Any) -> Any:
        told["temperatures"].append(options.temperature)
        return decode(self, window, options)

    model.detect_language = detecting
    type(model).decode = decoding
    transcriber.pieces = lambda path: pieces(path, piece_s=float(piece_s), cut_s=2)
    how = {"file": file, "language": language, "keywords": []}
    for spoken, words in transcriber.listen(model, how, lambda done: None):
        told["pieces"].append((spoken, [(word.text, word.start_ms, word.end_ms) for word in words]))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
