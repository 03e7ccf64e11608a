"""The ways to render the film that is measured: our engine, one FFmpeg command, the original's command, and MoviePy.

`ours` and `moviepy_alone` are run as programs, in a process of their own; the others are commands of FFmpeg.
"""
